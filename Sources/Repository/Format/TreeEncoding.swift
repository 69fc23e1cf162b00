import Crypto

/// Spells a tree entry by entry, hashed and compressed as it comes: a large folder's JSON is never in memory as a whole, where the repository compresses.
struct TreeEncoding {
    private let hash = SHA256()
    private let compression: StreamedCompression?
    private var content: [UInt8] = []
    private var length = 0
    private var isFirst = true

    init(compresses: Bool) {
        compression = compresses ? StreamedCompression() : nil
        take(Array("{\"nodes\":[".utf8))
    }

    mutating func add(_ node: Node) {
        var json = GoJSON(capacity: 512)
        node.write(to: &json)
        take((isFirst ? [] : [UInt8(ascii: ",")]) + json.bytes)
        isFirst = false
    }

    private mutating func take(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            hash.update(bytes)
            length += bytes.count
            if let compression { compression.add(bytes, to: &content) } else { content += bytes }
        }
    }

    /// Call it once. `plainLength` is 0 for what is not compressed.
    mutating func finish() -> (key: BlobKey, content: [UInt8], plainLength: Int) {
        take(Array("]}\n".utf8))
        compression?.finish(to: &content)
        return (BlobKey(kind: .tree, id: hash.finish()), content, compression == nil ? 0 : length)
    }
}
