import HostKit
import Basics
import Glibc
import StorageKit

/// Extended attributes, ACLs among them (`system.posix_acl_*`): xattr(7).
enum ExtendedAttributes {
    /// Those of a name in a folder, the link's own where it is one, in the kernel's order. File systems without them have none.
    /// `leftOut` says which can't be kept: a tree's JSON holds no name that is not UTF-8.
    static func read(_ name: FileName, in folder: FolderHandle, leftOut: (StorageError) -> Void = { _ in }) throws(StorageError)
        -> [ExtendedAttribute]
    {
        // There is no llistxattrat: the kernel's own path of the open folder serves.
        let path = FileName(bytes: Array("\(OpenEntry.place(folder.descriptor))/".utf8) + name.bytes)
        let location = folder.path + "/" + name.description
        let names = try value(location) {
            FolderHandle.withName(path) { Kernel.linkAttributes(of: $0, nil, 0) }
        } fill: { buffer in
            FolderHandle.withName(path) { Kernel.linkAttributes(of: $0, buffer.baseAddress, buffer.count) }
        }
        var attributes: [ExtendedAttribute] = []
        for name in split(names) {
            guard let text = String(validating: name, as: UTF8.self) else {
                leftOut(
                    StorageError(
                        .unsupported, expected: "names of extended attributes in UTF-8", found: String(decoding: name, as: UTF8.self),
                        at: location, advice: "rename the attribute; the file itself is copied"))
                continue
            }
            let bytes = try value(location) {
                FolderHandle.withName(path) { Kernel.linkAttribute(text, of: $0, nil, 0) }
            } fill: { buffer in
                FolderHandle.withName(path) { Kernel.linkAttribute(text, of: $0, buffer.baseAddress, buffer.count) }
            }
            // Nil: removed since it was listed.
            if let bytes { attributes.append(ExtendedAttribute(name: text, value: bytes.map { UInt8(bitPattern: $0) })) }
        }
        return attributes
    }

    /// The names that an open entry has, `place` leading to it; any bytes but NUL. None where the file system has no attributes.
    static func names(at place: String, _ location: String) throws(StorageError) -> [[UInt8]] {
        split(
            try value(location) {
                Kernel.attributes(of: place, nil, 0)
            } fill: { buffer in
                Kernel.attributes(of: place, buffer.baseAddress, buffer.count)
            })
    }

    /// Whether an open entry has just this attribute.
    static func has(_ attribute: ExtendedAttribute, at place: String) -> Bool {
        let found = try? value(place) {
            Kernel.attribute(attribute.name, of: place, nil, 0)
        } fill: { buffer in
            Kernel.attribute(attribute.name, of: place, buffer.baseAddress, buffer.count)
        }
        return found?.map { UInt8(bitPattern: $0) } == attribute.value
    }

    /// Sets one on an open entry; 0, or an errno.
    static func set(_ attribute: ExtendedAttribute, at place: String) -> Int32 {
        attribute.value.withUnsafeBytes { Kernel.setAttribute(attribute.name, of: place, $0.baseAddress, $0.count) } == 0 ? 0 : errno
    }

    /// Removes one from an open entry, where it is; 0, or an errno.
    static func remove(_ name: [UInt8], at place: String) -> Int32 {
        FolderHandle.withName(FileName(bytes: name)) { Kernel.removeAttribute($0, of: place) } == 0 || errno == ENODATA ? 0 : errno
    }

    /// Whether an attribute is part of what an entry is, so that a restored one has it only where it was stored. Others stay as they are: labels and
    /// measurements that a security module gives every file by itself, and what a file system says of how it keeps a file (`btrfs.compression`,
    /// `system.nfs4_acl`).
    static func isOfTheEntry(_ name: [UInt8]) -> Bool {
        if name == Array(AccessList.access.utf8) || name == Array(AccessList.inherited.utf8) { return true }
        if modules.contains(where: { name.starts(with: $0.utf8) }) { return false }
        return ["user.", "trusted.", "security."].contains { name.starts(with: $0.utf8) }
    }

    private static let modules = ["security.selinux", "security.SMACK64", "security.apparmor", "security.ima", "security.evm"]

    private static func split(_ names: [CChar]?) -> [[UInt8]] {
        (names ?? []).split(separator: 0).map { $0.map { UInt8(bitPattern: $0) } }
    }

    /// Asks for the size, then for the bytes; again when it grew in between. Nil where there is none.
    private static func value(
        _ location: String, size: () -> Int, fill: (UnsafeMutableBufferPointer<CChar>) -> Int
    ) throws(StorageError) -> [CChar]? {
        while true {
            let expected = size()
            if expected == 0 { return [] }
            if expected < 0 {
                guard errno != ENOTSUP, errno != ENODATA else { return nil }
                throw .system(errno, expected: "extended attributes", at: location)
            }
            var failure: Int32 = 0
            let bytes = [CChar](unsafeUninitializedCapacity: expected) { buffer, count in
                let got = fill(buffer)
                failure = got < 0 ? errno : 0
                count = max(got, 0)
            }
            if failure == 0 { return bytes }
            if failure == ENODATA { return nil }
            guard failure == ERANGE else { throw .system(failure, expected: "extended attributes", at: location) }
        }
    }
}
