import Basics
import Crypto

/// The list of blobs at a pack's end (restic design document, "Pack Format"): Seal(entries) ‖ its length as four bytes, little-endian.
enum PackHeader {
    static let sealOverhead = Sealer.overhead
    /// type, length, id
    private static let rawEntryBytes = 37
    /// type, length, plain length, id
    private static let compressedEntryBytes = 41
    static let maximumBytes = 16 << 20

    static func sealedSize(_ blobs: [PackedBlob]) -> Int {
        blobs.reduce(sealOverhead) { $0 + ($1.plainLength == 0 ? rawEntryBytes : compressedEntryBytes) }
    }

    /// The plain entries, in the order of the blobs in the file.
    static func encode(_ blobs: [PackedBlob]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(blobs.count * compressedEntryBytes)
        for blob in blobs {
            out.append(blob.key.kind.rawValue + (blob.plainLength == 0 ? 0 : 2))
            withUnsafeBytes(of: blob.length.littleEndian) { out.append(contentsOf: $0) }
            if blob.plainLength != 0 { withUnsafeBytes(of: blob.plainLength.littleEndian) { out.append(contentsOf: $0) } }
            out.append(contentsOf: blob.key.id.bytes)
        }
        return out
    }

    /// Reads plain entries; offsets are the running sum.
    static func decode(_ plain: [UInt8], at location: String) throws -> [PackedBlob] {
        try plain.withUnsafeBytes { bytes in
            var blobs: [PackedBlob] = []
            var position = 0
            var offset: UInt32 = 0
            while position < bytes.count {
                let type = bytes[position]
                let entry = type >= 2 ? compressedEntryBytes : rawEntryBytes
                guard type < 4, let kind = BlobKind(rawValue: type & 1), position + entry <= bytes.count else {
                    throw RepositoryError.damaged(
                        location, expected: "a pack header of known entries", found: "type \(type) at byte \(position)")
                }
                let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 1, as: UInt32.self))
                let plainLength = type >= 2 ? UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 5, as: UInt32.self)) : 0
                let id = ObjectID(bytes: UnsafeRawBufferPointer(rebasing: bytes[(position + entry - 32)..<(position + entry)]))
                let (next, overflow) = offset.addingReportingOverflow(length)
                guard !overflow, length >= sealOverhead else {
                    throw RepositoryError.damaged(
                        location, expected: "blobs within a pack of 4 GiB", found: "a blob of \(length.counted("byte"))")
                }
                blobs.append(PackedBlob(key: BlobKey(kind: kind, id: id), offset: offset, length: length, plainLength: plainLength))
                offset = next
                position += entry
            }
            return blobs
        }
    }
}
