import Crypto

/// Opens, decompresses and verifies blobs with contexts and memory of its own; used by one thread at a time.
final class BlobDecoder {
    private let sealer: Sealer
    private let decompressor = Decompressor()
    private let hash = SHA256()
    private var opened = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    private var plain = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)

    /// Bytes. Data blobs are of 8 MiB at most, or of an image's extents; the tree of a folder with a million entries is of a few hundred MiB.
    private static let largestBlob: UInt32 = 1 << 30

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
        guard blob.plainLength <= Self.largestBlob else {
            throw damage(blob, pack, found: "a claim of \(blob.plainLength) bytes; nothing writes blobs like that")
        }
        guard sealed.count == Int(blob.length), sealed.count >= Sealer.overhead else { throw damage(blob, pack, found: "another length") }
        let openedCount = sealed.count - Sealer.overhead
        Self.grow(&opened, to: openedCount)
        let content = UnsafeMutableRawBufferPointer(rebasing: opened[..<openedCount])
        do throws(CryptoError) { try sealer.open(sealed, into: content) } catch {
            throw damage(blob, pack, found: "a wrong authentication code")
        }
        var result = UnsafeRawBufferPointer(content)
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

    /// Whether the bytes are the blob, sealed.
    func proves(_ sealed: [UInt8], _ blob: PackedBlob, in pack: ObjectID) -> Bool {
        withExtendedLifetime(self) { sealed.withUnsafeBytes { (try? decode($0, blob, in: pack)) != nil } }
    }

    /// What another repository stores of a blob, after it was verified: the compressed bytes as they are, where both know compression.
    /// `plainLength` is 0 for bytes that are not compressed.
    func payload(
        _ sealed: UnsafeRawBufferPointer, _ blob: PackedBlob, in pack: ObjectID, forCompressing: Bool
    ) throws -> (content: [UInt8], plainLength: Int)? {
        let plain = try decode(sealed, blob, in: pack)
        // Trees are always compressed where that is known.
        guard blob.plainLength != 0 || blob.key.kind == .data || !forCompressing else { return nil }
        guard blob.plainLength != 0, forCompressing else { return (Array(plain), 0) }
        return (Array(opened[..<(sealed.count - Sealer.overhead)]), Int(blob.plainLength))
    }

    private func damage(_ blob: PackedBlob, _ pack: ObjectID, found: String) -> RepositoryError {
        .damaged("data/\(pack) at \(blob.offset)", expected: "\(blob.key.kind) blob \(blob.key.id)", found: found,
            advice: RepositoryError.advice(repairing: pack))
    }
}
