public import Basics
public import StorageKit

/// How long calls of a store are repeated that fail for a reason that may pass.
public struct StoreRetries: Sendable {
    /// From a call's first failure on, of a store that has answered before: what comes back within this time ends no job. None: one try.
    public var limit: TimeSpan
    /// Tries in all of a call of a store that has not answered yet, or whose errors are not those of a server that is away. A wrong address
    /// should be said soon.
    public var attempts: Int
    /// From a call's first failure on, of a store that has not answered yet.
    public var firstLimit: TimeSpan
    /// Before the second try; each next one is twice as long.
    public var pause: Duration
    public var longestPause: Duration
    /// Called when a store stays away, and when it answers again.
    public var report: @Sendable (RetryEvent) -> Void

    public init(
        limit: TimeSpan = StoreRetries.usualLimit, attempts: Int = 6, firstLimit: TimeSpan = .minutes(1),
        pause: Duration = .milliseconds(500),
        longestPause: Duration = .seconds(30), report: @escaping @Sendable (RetryEvent) -> Void = { _ in }
    ) {
        self.limit = limit
        self.attempts = attempts
        self.firstLimit = firstLimit
        self.pause = pause
        self.longestPause = longestPause
        self.report = report
    }

    /// What restic waits too. Within it, a repository's lock stays good.
    public static let usualLimit = TimeSpan.minutes(15)

    /// A server may ask for a pause, but not for any.
    static let longestAsked = Duration.seconds(300)

    /// What an error says of the server.
    enum Kind {
        /// It answered; a repetition changes nothing, or is not ours to make: space is freed by people.
        case final
        /// An answer that made no sense.
        case garbled
        /// It is away, or busy.
        case away
    }

    static func kind(of error: StorageError) -> Kind {
        guard error.retry == .transient else { return .final }
        switch error.kind {
        case .unavailable: return .away
        case .notFound, .exists, .accessDenied, .noSpace, .changed, .retained, .unsupported: return .final
        default: return .garbled
        }
    }

    /// The wait before the next try of a call; nil when there is none. `attempt` tries have failed, in `elapsed` since the first of them did.
    /// `jitter` is 0...1: calls that failed together come back apart.
    func wait(after error: StorageError, attempt: Int, elapsed: Duration, hasAnswered: Bool, jitter: Double) -> Duration? {
        let doublings = min(max(attempt - 1, 0), 20)
        let backoff = min(pause * Double(1 << doublings), longestPause) * (0.5 + jitter / 2)
        let wait = max(backoff, min(error.retryAfter?.duration ?? .zero, Self.longestAsked))
        guard limit > .seconds(0) else { return nil }
        switch Self.kind(of: error) {
        case .final: return nil
        case .garbled: return attempt < attempts ? wait : nil
        case .away:
            // A server that asks for a pause is there.
            guard hasAnswered || error.retryAfter != nil else {
                return attempt < attempts && elapsed + wait <= firstLimit.duration ? wait : nil
            }
            // Tries may take long themselves: there are some in any case.
            return elapsed + wait <= limit.duration || attempt < min(attempts, 3) ? wait : nil
        }
    }
}

/// What somebody who watches should know.
public enum RetryEvent: Sendable, Hashable {
    /// The store has failed again and again; calls are repeated for so long.
    case waits(StorageError, upTo: TimeSpan)
    /// It answers again, so long after its first failure.
    case answers(after: TimeSpan)
    /// One of two stores of a mirrored repository failed; what it should have given comes from the other one, at this place.
    case readsMirror(StorageError, at: String)
    /// This machine's disk has no room for what readers need again and again: it is asked of the store each time.
    case keepsNothing(StorageError)
}
