/// A point in time: microseconds since the Unix epoch, the resolution of PostgreSQL's `timestamptz`.
/// In the engine it is always the database's clock.
public struct Instant: Sendable, Hashable, Comparable, Codable {
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
    public static func + (left: Instant, right: TimeSpan) -> Instant {
        Instant(microseconds: left.microseconds + right.milliseconds * 1000)
    }
    public static func - (left: Instant, right: Instant) -> TimeSpan {
        TimeSpan(milliseconds: (left.microseconds - right.microseconds) / 1000)
    }

    public init(from decoder: any Decoder) throws { microseconds = try decoder.singleValueContainer().decode(Int64.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }
}
