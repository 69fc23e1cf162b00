/// Finds where restic would cut: Rabin over a 64-byte window, chunks of 512 KiB to 8 MiB, a cut where the hash's low 20 bits are zero.
///
/// Whether a position is a cut depends on the 64 bytes before it alone, so four places of a chunk are hashed side by side:
/// same cuts, twice the speed (the table look-ups of one lane hide behind those of the others).
/// Fed a chunk's growing prefix, it goes on where it stopped.
struct Chunker {
    static let minimum = 512 << 10
    static let maximum = 8 << 20
    private static let mask: UInt64 = 1 << 20 - 1
    private static let shift = UInt64(RabinTables.degree - 8)
    private static let laneBytes = 32 << 10

    private let tables: RabinTables
    /// Bytes of the present chunk that are hashed or skipped.
    private var position = 0
    private var digest: UInt64 = 0

    init(_ tables: RabinTables) { self.tables = tables }

    /// Forgets a chunk that was not finished.
    mutating func reset() {
        position = 0
        digest = 0
    }

    /// The length of the chunk at the start of `chunk`, or nil when its end is not in these bytes yet.
    /// After a cut the next call takes bytes from there. At the end of a file the rest is the last chunk: call `reset`.
    mutating func cut(_ chunk: UnsafeBufferPointer<UInt8>) -> Int? {
        guard chunk.count >= Self.minimum, let bytes = chunk.baseAddress else { return nil }
        let end = min(chunk.count, Self.maximum)
        let found = tables.reduce.withUnsafeBufferPointer { reduce in
            tables.leave.withUnsafeBufferPointer { leave in
                guard let reduce = reduce.baseAddress, let leave = leave.baseAddress else { return nil as Int? }
                return scan(bytes, end, reduce, leave)
            }
        }
        guard let length = found ?? (end == Self.maximum ? end : nil) else { return nil }
        reset()
        return length
    }

    private mutating func scan(
        _ bytes: UnsafePointer<UInt8>, _ end: Int, _ reduce: UnsafePointer<UInt64>, _ leave: UnsafePointer<UInt64>
    ) -> Int? {
        if position < Self.minimum {
            digest = Self.window(before: Self.minimum, bytes, reduce)
            position = Self.minimum
            if digest & Self.mask == 0 { return position }
        }
        while position < end {
            let lane = min((end - position) / 4, Self.laneBytes)
            if lane >= 1024 {
                if let cut = scanLanes(bytes, lane, reduce, leave) { return cut }
            } else if let cut = scanOne(bytes, end, reduce, leave) {
                return cut
            }
        }
        return nil
    }

    /// The hash of the 64 bytes before a position.
    private static func window(before position: Int, _ bytes: UnsafePointer<UInt8>, _ reduce: UnsafePointer<UInt64>) -> UInt64 {
        var digest: UInt64 = 0
        for index in position - RabinTables.windowBytes..<position {
            digest = digest << 8 ^ reduce[Int(digest >> shift)] ^ UInt64(bytes[index])
        }
        return digest
    }

    private mutating func scanOne(
        _ bytes: UnsafePointer<UInt8>, _ end: Int, _ reduce: UnsafePointer<UInt64>, _ leave: UnsafePointer<UInt64>
    ) -> Int? {
        var digest = digest
        for index in position..<end {
            let out = leave[Int(bytes[index &- RabinTables.windowBytes])]
            digest = digest << 8 ^ reduce[Int(digest >> Self.shift)] ^ out ^ UInt64(bytes[index])
            if digest & Self.mask == 0 { return index + 1 }
        }
        self.digest = digest
        position = end
        return nil
    }

    /// Scans 4·lane bytes from `position`.
    private mutating func scanLanes(
        _ bytes: UnsafePointer<UInt8>, _ lane: Int, _ reduce: UnsafePointer<UInt64>, _ leave: UnsafePointer<UInt64>
    ) -> Int? {
        let start = position
        let (p0, p1, p2, p3) = (bytes + start, bytes + start + lane, bytes + start + 2 * lane, bytes + start + 3 * lane)
        let window = RabinTables.windowBytes
        var d0 = digest
        var d1 = Self.window(before: start + lane, bytes, reduce)
        var d2 = Self.window(before: start + 2 * lane, bytes, reduce)
        var d3 = Self.window(before: start + 3 * lane, bytes, reduce)
        var (hit1, hit2, hit3) = (0, 0, 0)
        var index = 0
        while index < lane {
            let back = index &- window
            d0 = d0 << 8 ^ reduce[Int(truncatingIfNeeded: d0 >> Self.shift)] ^ leave[Int(p0[back])] ^ UInt64(p0[index])
            d1 = d1 << 8 ^ reduce[Int(truncatingIfNeeded: d1 >> Self.shift)] ^ leave[Int(p1[back])] ^ UInt64(p1[index])
            d2 = d2 << 8 ^ reduce[Int(truncatingIfNeeded: d2 >> Self.shift)] ^ leave[Int(p2[back])] ^ UInt64(p2[index])
            d3 = d3 << 8 ^ reduce[Int(truncatingIfNeeded: d3 >> Self.shift)] ^ leave[Int(p3[back])] ^ UInt64(p3[index])
            index &+= 1
            if d0 & Self.mask == 0 { return start + index }
            if d1 & Self.mask == 0, hit1 == 0 { hit1 = start + lane + index }
            if d2 & Self.mask == 0, hit2 == 0 { hit2 = start + 2 * lane + index }
            if d3 & Self.mask == 0, hit3 == 0 { hit3 = start + 3 * lane + index }
        }
        for hit in [hit1, hit2, hit3] where hit != 0 { return hit }
        digest = d3
        position = start + 4 * lane
        return nil
    }
}
