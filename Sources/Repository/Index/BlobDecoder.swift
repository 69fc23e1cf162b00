import Crypto
import Basics

/// Opens, decompresses and verifies blobs with contexts and memory of its own; used by one thread at a time.
final class BlobDecoder {
    private let sealer: Sealer
    private let decompressor = Decompressor()
    private let hash = SHA256()
    private var opened = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    private var plain = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)

    /// Bytes. Data blobs are of 8 MiB at most, or of an image's extents. Large trees are read piece by piece.
    static let largestBlob: UInt32 = 64 << 20

    init(_ key: SealKey) { sealer = Sealer(key) }

    deinit {
        opened.deallocate()
        plain.deallocate()
    }

    private static func grow(_ memory: inout UnsafeMutableRawBufferPointer, to count: Int) {
        guard memory.count < count else { return }
        memory.deallocate()
        memory = .allocate(byteCount: count, alignment: 64)
    }

    /// The plain bytes of a sealed blob, checked against MAC, size and name; good until the next call.
    func decode(_ sealed: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID) throws -> UnsafeRawBufferPointer {
        // A large folder's list is unpacked whole only for a repository that knows no compression.
        let limit = blob.key.kind == .tree ? max(UInt64(Self.largestBlob), 16 * UInt64(blob.length)) : UInt64(Self.largestBlob)
        guard UInt64(blob.plainLength) <= limit else {
            throw damage(blob, pack, found: "a claim of \(blob.plainLength.counted("byte")); nothing writes blobs like that")
        }
        var result = try open(sealed, blob, in: pack)
        if blob.plainLength != 0 {
            Self.grow(&plain, to: Int(blob.plainLength))
            let target = UnsafeMutableRawBufferPointer(rebasing: plain[..<Int(blob.plainLength)])
            guard decompressor.decompress(result, into: target) else {
                throw damage(blob, pack, found: "a zstd frame that does not decompress")
            }
            result = UnsafeRawBufferPointer(target)
        }
        guard hash.digest(result) == blob.key.id else { throw damage(blob, pack, found: "other content") }
        return result
    }

    /// The bytes that were sealed; good until the next call.
    private func open(_ sealed: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID) throws -> UnsafeRawBufferPointer {
        guard sealed.count == Int(blob.length), sealed.count >= Sealer.overhead else { throw damage(blob, pack, found: "another length") }
        let openedCount = sealed.count - Sealer.overhead
        Self.grow(&opened, to: openedCount)
        let content = UnsafeMutableRawBufferPointer(rebasing: opened[..<openedCount])
        do throws(Explanation) { try sealer.open(sealed, into: content) } catch {
            throw damage(blob, pack, found: "a wrong authentication code")
        }
        return UnsafeRawBufferPointer(content)
    }

    /// As `decode`, for who does not need the bytes: large trees are not unpacked whole.
    func prove(_ sealed: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID) throws {
        guard blob.isLarge else {
            _ = try decode(sealed, blob, in: pack)
            return
        }
        guard blob.key.kind == .tree || blob.plainLength <= Self.largestBlob else {
            throw damage(blob, pack, found: "a claim of \(blob.plainLength.counted("byte")); nothing writes blobs like that")
        }
        try pass(try open(sealed, blob, in: pack), blob, in: pack) { _ in }
    }

    /// The entries of a sealed tree, checked as `decode` does. A large one is never in memory as the JSON that it is.
    func tree(_ sealed: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID) throws -> Tree {
        guard blob.isLargeTree else { return try Tree(decoding: Array(try decode(sealed, blob, in: pack)), id: blob.key.id) }
        var splitter = TreeSplitter(
            blob.key.id, memory: TreeLimits.memory(stored: sealed.count), entry: TreeLimits.entry(stored: sealed.count))
        try pass(try open(sealed, blob, in: pack), blob, in: pack) { try splitter.take($0) }
        return try splitter.finish()
    }

    /// Decompresses what was opened piece by piece, and proves that it was the blob.
    private func pass(
        _ content: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID, _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let (hash, length) = (SHA256(), Int(blob.plainLength))
        var count = 0
        do {
            try decompressor.decompress(content) { bytes in
                count += bytes.count
                guard count <= length else { throw Decompressor.Failure.tooLarge }
                hash.update(bytes)
                try take(bytes)
            }
        } catch is Decompressor.Failure {
            throw damage(blob, pack, found: "a zstd frame that does not decompress")
        }
        guard count == length, hash.finish() == blob.key.id else { throw damage(blob, pack, found: "other content") }
    }

    /// Whether the bytes are the blob, sealed.
    func proves(_ sealed: [UInt8], _ blob: PackedBlob, in pack: ObjectID) -> Bool {
        withExtendedLifetime(self) { sealed.withUnsafeBytes { (try? prove($0, blob, in: pack)) != nil } }
    }

    /// What another repository stores of a blob, after it was verified: the compressed bytes as they are, where both know compression.
    /// `plainLength` is 0 for bytes that are not compressed.
    func payload(
        _ sealed: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID, forCompressing: Bool
    ) throws -> (content: [UInt8], plainLength: Int)? {
        // Trees are always compressed where that is known.
        guard blob.plainLength != 0 || blob.key.kind == .data || !forCompressing else { return nil }
        guard blob.plainLength != 0, forCompressing else { return (Array(try decode(sealed, blob, in: pack)), 0) }
        try prove(sealed, blob, in: pack)
        return (Array(opened[..<(sealed.count - Sealer.overhead)]), Int(blob.plainLength))
    }

    private func damage(_ blob: PackedBlob, _ pack: ObjectID, found: String) -> RepositoryError {
        .damaged(
            "data/\(pack) at \(blob.offset)", expected: "\(blob.key.kind) blob \(blob.key.id)", found: found,
            advice: RepositoryError.advice(repairing: pack))
    }
}
