import Crypto
import Basics

/// Compares a pack's bytes with what the index says. No I/O.
enum PackReading {
    /// The first thing wrong with a pack; nil when all of it is right.
    static func problem(_ bytes: [UInt8], _ pack: IndexedPack, _ location: String, _ key: SealKey) -> (any ExplainedError)? {
        let advice = RepositoryError.advice(repairing: pack.id)
        // The name covers every byte: a pack that hashes to it is what was written, and its blobs are still opened,
        // because what was written may have been wrong.
        guard SHA256.digest(bytes) == pack.id else {
            return RepositoryError.damaged(location, expected: "bytes that hash to the pack's name", found: "other bytes", advice: advice)
        }
        do {
            let header = try header(of: bytes, location, key)
            guard Set(header) == Set(pack.blobs) else {
                return RepositoryError.damaged(
                    location, expected: "the blobs that the index lists", found: "a header that lists others", advice: advice)
            }
            let decoder = BlobDecoder(key)
            try withExtendedLifetime(decoder) {
                try bytes.withUnsafeBytes { bytes in
                    for blob in pack.blobs { try decoder.prove(slice(blob, bytes), blob, in: pack.id) }
                }
            }
            return nil
        } catch let error as any ExplainedError {
            return RepositoryError.damaged(location, expected: error.expected, found: error.found, advice: advice)
        } catch {
            return RepositoryError.damaged(location, expected: "a readable pack", found: "\(error)", advice: advice)
        }
    }

    /// Those of the blobs that are whole where they are said to be, by their names.
    static func readable(_ bytes: [UInt8], _ pack: IndexedPack, _ key: SealKey) -> Set<BlobKey> {
        Set(whole(bytes, pack.blobs, in: pack.id, key).map(\.key))
    }

    /// Those of the blobs that are whole where they are said to be.
    static func whole(_ bytes: [UInt8], _ blobs: some Sequence<PackedBlob>, in pack: ObjectID, _ key: SealKey) -> [PackedBlob] {
        let decoder = BlobDecoder(key)
        return withExtendedLifetime(decoder) {
            bytes.withUnsafeBytes { bytes in
                blobs.filter { Int64(bytes.count) >= $0.range.upperBound && (try? decoder.prove(slice($0, bytes), $0, in: pack)) != nil }
            }
        }
    }

    /// Opens the header at a pack's end.
    static func header(of bytes: [UInt8], _ location: String, _ key: SealKey) throws -> [PackedBlob] {
        try bytes.withUnsafeBytes { bytes in
            guard bytes.count >= 4 else { throw RepositoryError.damaged(location, expected: "a pack", found: bytes.count.counted("byte")) }
            let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self)))
            guard length >= Sealer.overhead, length <= PackHeader.maximumBytes, length + 4 <= bytes.count else {
                throw RepositoryError.damaged(location, expected: "a header within the pack", found: "a length of \(length)")
            }
            let sealed = UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - 4 - length)..<(bytes.count - 4)])
            return try PackHeader.decode(try Sealer(key).open(sealed), at: location)
        }
    }

    private static func slice(_ blob: PackedBlob, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(blob.offset)..<Int(blob.offset) + Int(blob.length)])
    }
}
