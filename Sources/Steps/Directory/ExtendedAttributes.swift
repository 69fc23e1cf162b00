import CLinux
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
        let path = FileName(bytes: Array("/proc/self/fd/\(folder.descriptor)/".utf8) + name.bytes)
        let location = folder.path + "/" + name.description
        var names = try value(location) {
            FolderHandle.withName(path) { llistxattr($0, nil, 0) }
        } fill: { buffer in
            FolderHandle.withName(path) { llistxattr($0, buffer.baseAddress, buffer.count) }
        }
        if names?.last == 0 { names?.removeLast() }
        var attributes: [ExtendedAttribute] = []
        for name in (names ?? []).split(separator: 0) {
            guard let text = String(validating: name.map { UInt8(bitPattern: $0) }, as: UTF8.self) else {
                leftOut(
                    StorageError(
                        .unsupported, expected: "names of extended attributes in UTF-8",
                        found: String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self), at: location,
                        advice: "rename the attribute; the file itself is copied"))
                continue
            }
            let bytes = try value(location) {
                FolderHandle.withName(path) { lgetxattr($0, text, nil, 0) }
            } fill: { buffer in
                FolderHandle.withName(path) { lgetxattr($0, text, buffer.baseAddress, buffer.count) }
            }
            // Nil: removed since it was listed.
            if let bytes { attributes.append(ExtendedAttribute(name: text, value: bytes.map { UInt8(bitPattern: $0) })) }
        }
        return attributes
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

    /// Sets them on an open file or folder. Returns what could not be set.
    static func write(_ attributes: [ExtendedAttribute], to descriptor: Int32, location: String) -> [StorageError] {
        attributes.compactMap { attribute in
            let result = attribute.value.withUnsafeBytes { fsetxattr(descriptor, attribute.name, $0.baseAddress, $0.count, 0) }
            guard result != 0 else { return nil }
            return .system(errno, expected: "to set the extended attribute \(attribute.name)", at: location)
        }
    }

    /// Sets them on a name that can't be opened (a link, a device).
    static func write(_ attributes: [ExtendedAttribute], to name: FileName, in folder: FolderHandle) -> [StorageError] {
        let path = FileName(bytes: Array("/proc/self/fd/\(folder.descriptor)/".utf8) + name.bytes)
        return attributes.compactMap { attribute in
            let result = attribute.value.withUnsafeBytes { bytes in
                FolderHandle.withName(path) { lsetxattr($0, attribute.name, bytes.baseAddress, bytes.count, 0) }
            }
            guard result != 0 else { return nil }
            return .system(errno, expected: "to set the extended attribute \(attribute.name)", at: folder.path + "/" + name.description)
        }
    }
}
