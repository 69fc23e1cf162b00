import Crypto
import StorageKit

/// Compares a file that is there with what a snapshot says of it.
enum ExistingContent {
    /// Whether the file holds the node's blobs, one after another and nothing else. Holes are not read, nor are zeros hashed over and over.
    static func equals(_ node: Node, _ file: any FileReader, index: MasterIndex) throws -> Bool {
        let content = node.content ?? []
        let sizes = index.dataSizes(content)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(Int(sizes.values.max() ?? 1), 1), alignment: 64)
        defer { memory.deallocate() }
        var bytes = SparseBytes(file)
        for id in content {
            guard let size = sizes[id] else { return false }
            let blob = UnsafeMutableRawBufferPointer(rebasing: memory[..<Int(size)])
            if id == ZeroBlobs.common[Int64(size)] {
                guard try bytes.areZeros(blob) else { return false }
            } else {
                guard try bytes.fill(blob) == blob.count, SHA256.digest(UnsafeRawBufferPointer(blob)) == id else { return false }
            }
        }
        return try bytes.fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<1])) == 0
    }
}

/// A file's bytes one after another, holes as the zeros that they are.
private struct SparseBytes {
    private let file: any FileReader
    /// Of a hole that was passed over, what was not taken yet.
    private var zeros: Int64 = 0

    init(_ file: any FileReader) { self.file = file }

    /// Fills the buffer as far as the file goes; returns how much that was.
    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            if zeros == 0 { zeros = try file.skipHole() }
            if zeros > 0 {
                let count = Int(min(Int64(rest.count), zeros))
                UnsafeMutableRawBufferPointer(rebasing: rest[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
                zeros -= Int64(count)
                filled += count
                continue
            }
            let count = try file.read(into: rest)
            guard count > 0 else { break }
            filled += count
        }
        return filled
    }

    /// Whether so many zeros follow as `buffer`, which may be used, has room for.
    mutating func areZeros(_ buffer: UnsafeMutableRawBufferPointer) throws -> Bool {
        if zeros == 0 { zeros = try file.skipHole() }
        if zeros >= buffer.count {
            zeros -= Int64(buffer.count)
            return true
        }
        return try fill(buffer) == buffer.count && ZeroBlobs.isZero(UnsafeRawBufferPointer(buffer))
    }
}
