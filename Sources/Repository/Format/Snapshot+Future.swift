public import Basics

extension Snapshot {
    /// By how much hosts' clocks may differ.
    public static let clockDifference = TimeSpan.minutes(5)

    /// Dated later than a clock that is right can have said: by a host whose clock was wrong, or by somebody who wants it to be the newest.
    public func isOfTheFuture(at now: Instant) -> Bool { time > now + Self.clockDifference }
}
