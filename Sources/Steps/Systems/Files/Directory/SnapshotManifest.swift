import StorageKit

/// What a staged snapshot remembers of one folder: every entry with the metadata that it had in the original, so that a later copy finds
/// unchanged files by their original inode and change time, and where its content or its own manifest lies.
struct SnapshotManifest: Sendable {
    struct Entry: Sendable, Hashable {
        var name: FileName
        var metadata: FileMetadata
        /// For a file: the number of its content. For a folder: the number of its manifest.
        var number: UInt64
    }
    var entries: [Entry] = []

    /// One manifest as bytes: the form's version, then each entry. Integers are little-endian.
    var bytes: [UInt8] {
        var out: [UInt8] = [Self.version]
        out.append(integer: UInt64(entries.count))
        for entry in entries {
            let metadata = entry.metadata
            out.append(bytes: entry.name.bytes)
            out.append(integer: entry.number)
            out.append(bytes: Array(metadata.kind.rawValue.utf8))
            for value in [
                UInt64(metadata.permissions), UInt64(metadata.userID), UInt64(metadata.groupID), metadata.inode, metadata.deviceID,
                metadata.linkCount, UInt64(bitPattern: metadata.size), metadata.device,
            ] { out.append(integer: value) }
            for time in [metadata.modified, metadata.accessed, metadata.changed] {
                out.append(integer: UInt64(bitPattern: time.seconds))
                out.append(integer: UInt64(time.nanoseconds))
            }
            out.append(bytes: Array(metadata.user.utf8))
            out.append(bytes: Array(metadata.group.utf8))
            out.append(bytes: metadata.linkTarget)
            out.append(integer: UInt64(metadata.extendedAttributes.count))
            for attribute in metadata.extendedAttributes {
                out.append(bytes: Array(attribute.name.utf8))
                out.append(bytes: attribute.value)
            }
        }
        return out
    }

    private static let version: UInt8 = 1

    init(entries: [Entry] = []) { self.entries = entries }

    /// Nil when the bytes are not a manifest.
    init?(bytes: [UInt8]) {
        var reader = ManifestBytes(rest: bytes[...])
        guard reader.byte() == Self.version, let count = reader.integer() else { return nil }
        for _ in 0..<count {
            guard let name = reader.bytes(), let number = reader.integer(), let kindName = reader.bytes(),
                let kind = FileKind(rawValue: String(decoding: kindName, as: UTF8.self)), let permissions = reader.integer(),
                let userID = reader.integer(), let groupID = reader.integer(), let inode = reader.integer(),
                let deviceID = reader.integer(),
                let linkCount = reader.integer(), let size = reader.integer(), let device = reader.integer(), let modified = reader.time(),
                let accessed = reader.time(), let changed = reader.time(), let user = reader.bytes(), let group = reader.bytes(),
                let linkTarget = reader.bytes(), let attributeCount = reader.integer()
            else { return nil }
            var attributes: [ExtendedAttribute] = []
            for _ in 0..<attributeCount {
                guard let name = reader.bytes(), let value = reader.bytes() else { return nil }
                attributes.append(ExtendedAttribute(name: String(decoding: name, as: UTF8.self), value: value))
            }
            let metadata = FileMetadata(
                kind: kind, permissions: UInt16(truncatingIfNeeded: permissions), userID: UInt32(truncatingIfNeeded: userID),
                groupID: UInt32(truncatingIfNeeded: groupID), user: String(decoding: user, as: UTF8.self),
                group: String(decoding: group, as: UTF8.self), inode: inode, deviceID: deviceID, linkCount: linkCount,
                size: Int64(bitPattern: size), modified: modified, accessed: accessed, changed: changed, linkTarget: linkTarget,
                device: device,
                extendedAttributes: attributes)
            entries.append(Entry(name: FileName(bytes: name), metadata: metadata, number: number))
        }
        guard reader.rest.isEmpty else { return nil }
    }
}

/// Takes a manifest apart; every read is checked against what is left.
private struct ManifestBytes {
    var rest: ArraySlice<UInt8>

    mutating func byte() -> UInt8? { rest.popFirst() }

    mutating func integer() -> UInt64? {
        guard rest.count >= 8 else { return nil }
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(8).enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
        rest = rest.dropFirst(8)
        return value
    }

    mutating func bytes() -> [UInt8]? {
        guard let count = integer(), count <= UInt64(rest.count) else { return nil }
        let taken = Array(rest.prefix(Int(count)))
        rest = rest.dropFirst(Int(count))
        return taken
    }

    mutating func time() -> FileTime? {
        guard let seconds = integer(), let nanoseconds = integer() else { return nil }
        return FileTime(seconds: Int64(bitPattern: seconds), nanoseconds: Int32(truncatingIfNeeded: nanoseconds))
    }
}

extension [UInt8] {
    fileprivate mutating func append(integer value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    fileprivate mutating func append(bytes: [UInt8]) {
        append(integer: UInt64(bytes.count))
        append(contentsOf: bytes)
    }
}
