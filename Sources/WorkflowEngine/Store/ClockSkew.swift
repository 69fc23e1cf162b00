public import Basics

/// How far the database's clock is ahead of this machine's, as far as an answer that took its time can tell.
public struct ClockSkew: Sendable, Hashable {
    /// Negative where it is behind.
    public let skew: TimeSpan
    /// It may be so much less or more.
    public let doubt: TimeSpan

    /// By this machine's clock: when it was asked, and when the answer was there.
    public init(asked: Instant, answered: Instant, database: Instant) {
        let middle = Instant(microseconds: asked.microseconds + (answered.microseconds - asked.microseconds) / 2)
        skew = database - middle
        doubt = TimeSpan(milliseconds: max(answered - asked, .seconds(0)).milliseconds / 2)
    }

    /// What is certain of it.
    private var least: Int64 { max(abs(skew.milliseconds) - doubt.milliseconds, 0) }

    /// Snapshots that are dated more than five minutes ahead are not `latest`, locks count for dead after half an hour, and S3 refuses what is signed a
    /// quarter of an hour off: by then nothing works, and a minute is on its way there.
    public var isHarmful: Bool { least >= 60_000 }
    /// Clocks that are kept are closer.
    public var isNoticeable: Bool { least >= 2_000 }

    public var words: String {
        let size = TimeSpan(milliseconds: abs(skew.milliseconds))
        return "the database's clock is \(size) \(skew.milliseconds < 0 ? "behind" : "ahead of") this machine's"
    }
}
