import StorageKit

/// The WAL from a backup's start to its end, by segments (PostgreSQL manual 30.6; segment files are named timeline, high, low).
struct WALRange: Sendable, Hashable {
    let timeline: UInt32
    let start: UInt64
    /// Exclusive.
    let end: UInt64
    let segmentBytes: UInt64

    /// The numbers of its segments, counted from the beginning of WAL.
    var segments: ClosedRange<UInt64> { start / segmentBytes...max(start, end - 1) / segmentBytes }

    func fileName(_ segment: UInt64) -> FileName {
        let perHigh = 0x1_0000_0000 / segmentBytes
        return FileName(Self.hex(UInt64(timeline)) + Self.hex(segment / perHigh) + Self.hex(segment % perHigh))
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// `0/3000028` as a position; nil for anything else.
    static func position(_ text: some StringProtocol) -> UInt64? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let high = UInt32(parts[0], radix: 16), let low = UInt32(parts[1], radix: 16) else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }

    /// A position as the server writes it.
    static func text(_ position: UInt64) -> String {
        String(position >> 32, radix: 16, uppercase: true) + "/" + String(position & 0xFFFF_FFFF, radix: 16, uppercase: true)
    }

    /// From a backup label (`START WAL LOCATION: 0/2000028 (file ...)`, `START TIMELINE: 1`) and the position at which the backup ended.
    init?(label: String, end: String, segmentBytes: UInt64) {
        func value(_ key: String) -> Substring? {
            label.split(separator: "\n").first { $0.hasPrefix(key + ": ") }?.dropFirst(key.count + 2)
        }
        guard let start = value("START WAL LOCATION")?.split(separator: " ").first.flatMap({ Self.position($0) }),
            let timeline = value("START TIMELINE").flatMap({ UInt32($0) }), let end = Self.position(end), end > start,
            segmentBytes.nonzeroBitCount == 1
        else { return nil }
        self.start = start
        self.end = end
        self.timeline = timeline
        self.segmentBytes = segmentBytes
    }
}
