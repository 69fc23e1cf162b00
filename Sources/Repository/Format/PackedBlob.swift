/// Where a blob lies in its pack.
struct PackedBlob: Sendable, Hashable {
    var key: BlobKey
    /// Bytes from the pack's start.
    var offset: UInt32
    /// Sealed bytes.
    var length: UInt32
    /// Bytes before compression; 0 for a blob stored as it is.
    var plainLength: UInt32

    /// Bytes once opened and decompressed.
    var size: Int { plainLength == 0 ? Int(length) - PackHeader.sealOverhead : Int(plainLength) }
    /// Too large to be unpacked whole for who only reads its entries.
    var isLargeTree: Bool { key.kind == .tree && plainLength > TreeLimits.small }
    /// Too large to be unpacked whole only to be proved.
    var isLarge: Bool { isLargeTree || plainLength > 8 << 20 }
    var range: Range<Int64> { Int64(offset)..<Int64(offset) + Int64(length) }
}

/// A pack and what the index says is in it.
struct IndexedPack: Sendable {
    var id: ObjectID
    var blobs: [PackedBlob]

    /// The size that the file must have: blobs without gaps, sealed header, length.
    var size: Int64 {
        let header = PackHeader.sealedSize(blobs)
        return blobs.reduce(Int64(header + 4)) { $0 + Int64($1.length) }
    }
}
