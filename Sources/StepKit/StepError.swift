public import FlowModel

/// Why a step, or anything that a plug-in was asked for, failed: what was expected, what was found, where, what to do next,
/// and whether a retry helps.
public struct StepError: ExplainedError, Sendable, Hashable {
    /// A short stable word for scripts and tests; `kind.rawValue` is stored with the attempt.
    public struct Kind: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
        public var rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }
        public static let invalidSetting: Kind = "invalid-setting"
        public static let secretMissing: Kind = "secret-missing"
        public static let programMissing: Kind = "program-missing"
        public static let commandFailed: Kind = "command-failed"
        public static let timedOut: Kind = "timed-out"
        public static let leaseLost: Kind = "lease-lost"
        public static let cancelled: Kind = "cancelled"
        public static let verification: Kind = "verification"
        /// What was there has been written over in part: neither the old nor the new.
        public static let halfWritten: Kind = "half-written"
        public static let windowVoid: Kind = "window-void"
        public static let failed: Kind = "failed"
    }
    public var kind: Kind
    public var code: String { kind.rawValue }
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability
    /// The earliest sensible time for a retry, from now.
    public var retryAfter: TimeSpan?

    public init(
        _ kind: Kind, expected: String, found: String, at location: String, advice: String = "", retry: Retryability = .permanent,
        retryAfter: TimeSpan? = nil
    ) {
        self.kind = kind
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
        self.retry = retry
        self.retryAfter = retryAfter
    }

    /// Any error as a StepError: explained errors keep their parts, what is unknown counts as transient.
    public init(wrapping error: any Error, at location: String) {
        switch error {
        case let error as StepError: self = error
        case let error as any ExplainedError:
            self.init(
                Kind(rawValue: error.code), expected: error.expected, found: error.found, at: error.location, advice: error.advice,
                retry: error.retry)
        case is CancellationError:
            self.init(.cancelled, expected: "the step to finish", found: "it was told to stop", at: location, retry: .transient)
        default:
            self.init(.failed, expected: "success", found: String(describing: error), at: location, retry: .transient)
        }
    }
}
