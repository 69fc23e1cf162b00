/// Blobs of one pack that are read in one request.
struct PackRange: Sendable {
    var pack: ObjectID
    var range: Range<Int64>
    var blobs: [PackedBlob]

    /// A gap smaller than this is read along: a request costs more.
    private static let gap: Int64 = 256 << 10
    private static let maximum: Int64 = 16 << 20

    /// Joins neighbours into ranges of at most 16 MiB.
    static func coalesce(_ blobs: [PackedBlob], in pack: ObjectID) -> [PackRange] {
        var ranges: [PackRange] = []
        for blob in blobs.sorted(by: { $0.offset < $1.offset }) {
            if let last = ranges.last, blob.range.lowerBound - last.range.upperBound <= gap,
                blob.range.upperBound - last.range.lowerBound <= maximum
            {
                ranges[ranges.count - 1].range = last.range.lowerBound..<max(last.range.upperBound, blob.range.upperBound)
                ranges[ranges.count - 1].blobs.append(blob)
            } else {
                ranges.append(PackRange(pack: pack, range: blob.range, blobs: [blob]))
            }
        }
        return ranges
    }

    /// A blob's bytes within what was read.
    func slice(_ blob: PackedBlob, of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = Int(blob.range.lowerBound - range.lowerBound)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(blob.length)])
    }
}
