import Crypto
import StorageKit

/// Compares a file that is there with what a snapshot says of it.
enum ExistingContent {
    /// Whether the file holds the node's blobs, one after another and nothing else.
    static func equals(_ node: Node, _ file: any FileReader, index: MasterIndex) throws -> Bool {
        let content = node.content ?? []
        let sizes = index.dataSizes(content)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(sizes.values.max() ?? 1), alignment: 64)
        defer { memory.deallocate() }
        for id in content {
            guard let size = sizes[id] else { return false }
            let blob = UnsafeMutableRawBufferPointer(rebasing: memory[..<Int(size)])
            guard try read(file, into: blob) == blob.count, SHA256.digest(UnsafeRawBufferPointer(blob)) == id else { return false }
        }
        return try read(file, into: UnsafeMutableRawBufferPointer(rebasing: memory[..<1])) == 0
    }

    private static func read(_ file: any FileReader, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            guard count > 0 else { break }
            filled += count
        }
        return filled
    }
}
