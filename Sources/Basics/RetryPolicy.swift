/// How often and when a failed attempt is repeated. Only transient errors are retried.
///
/// The delay before attempt n+1 is `backoff * factor^(n-1)`, at most `maxBackoff`, of which a random half is jitter.
public struct RetryPolicy: Sendable, Hashable, Codable {
    /// Tries in all, the first included. 0 means without end (compensations).
    public var attempts: Int
    public var backoff: TimeSpan
    public var maxBackoff: TimeSpan
    public var factor: Double

    public init(attempts: Int = 3, backoff: TimeSpan = .seconds(2), maxBackoff: TimeSpan = .minutes(5), factor: Double = 2) {
        self.attempts = attempts
        self.backoff = backoff
        self.maxBackoff = maxBackoff
        self.factor = factor
    }

    /// What an undo gets: never given up.
    public static let withoutEnd = RetryPolicy(attempts: 0, backoff: .seconds(1), maxBackoff: .minutes(1))

    /// The delay after the `attempt`-th try failed (1 is the first). `random` is uniform in 0...1.
    public func delay(afterAttempt attempt: Int, random: Double) -> TimeSpan {
        var milliseconds = Double(backoff.milliseconds)
        for _ in 1..<max(attempt, 1) where milliseconds < Double(maxBackoff.milliseconds) { milliseconds *= factor }
        milliseconds = min(milliseconds, Double(maxBackoff.milliseconds))
        return .milliseconds(Int64(milliseconds / 2 + milliseconds / 2 * random))
    }
}
