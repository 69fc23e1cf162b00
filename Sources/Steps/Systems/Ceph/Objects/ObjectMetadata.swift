import StorageKit

/// An object's facts as a file's metadata, and back.
///
/// The version stands where a file has its inode: no write leaves it as it was, so with size and time it tells what is unchanged.
enum ObjectMetadata {
    /// Under this prefix an attribute can be restored to a file by whatever program.
    private static let prefix = "user.rados."

    static let folder = FileMetadata(kind: .directory, permissions: 0o700, modified: FileTime(seconds: 0))

    static func of(_ facts: ObjectFacts, _ part: RadosPath.Part) -> FileMetadata {
        FileMetadata(
            kind: .file, permissions: 0o600, inode: facts.version,
            size: part == .data ? Int64(clamping: facts.size) : FileMetadata.unknownSize, modified: FileTime(seconds: facts.modified),
            extendedAttributes: part == .data
                ? facts.attributes.map { ExtendedAttribute(name: prefix + spelled($0.name), value: $0.value) } : [])
    }

    /// Those that are attributes of objects.
    static func attributes(_ metadata: FileMetadata) -> [(name: [UInt8], value: [UInt8])] {
        metadata.extendedAttributes.compactMap { attribute in
            guard attribute.name.hasPrefix(prefix),
                let name = RadosPath.unescaped(Array(attribute.name.utf8.dropFirst(prefix.utf8.count))[...])
            else { return nil }
            return (name, attribute.value)
        }
    }

    private static func spelled(_ name: [UInt8]) -> String {
        if let text = String(validating: name, as: UTF8.self) {
            return String(decoding: RadosPath.escaped(Array(text.utf8)) { _ in false }, as: UTF8.self)
        }
        return String(decoding: RadosPath.escaped(name) { $0 >= 0x80 }, as: UTF8.self)
    }
}
