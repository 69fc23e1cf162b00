public import FlowModel
public import StepKit

/// Why an attempt failed, as it is stored.
public struct StepFailure: Sendable, Hashable, Codable {
    public var code: String
    public var expected: String
    public var found: String
    public var location: String
    public var advice: String
    public var retry: Retryability
    /// The earliest sensible time for a retry, from the failure.
    public var retryAfter: TimeSpan?

    public init(
        code: String, expected: String, found: String, location: String, advice: String = "", retry: Retryability,
        retryAfter: TimeSpan? = nil
    ) {
        self.code = code
        self.expected = expected
        self.found = found
        self.location = location
        self.advice = advice
        self.retry = retry
        self.retryAfter = retryAfter
    }

    public init(_ error: StepError) {
        self.init(
            code: error.code, expected: error.expected, found: error.found, location: error.location, advice: error.advice,
            retry: error.retry, retryAfter: error.retryAfter)
    }
}

extension StepFailure: CustomStringConvertible {
    public var description: String {
        "\(location): expected \(expected), found \(found)" + (advice.isEmpty ? "" : "; \(advice)")
    }
}

extension StepFailure {
    static func timedOut(_ step: PlannedStep) -> StepFailure {
        StepFailure(
            code: StepError.Kind.timedOut.rawValue, expected: "an end within \(step.timeout.map { "\($0)" } ?? "its time")",
            found: "none", location: "step \(step.id)", advice: "raise `timeout:` if the step needs longer", retry: .transient)
    }

    /// `reason`: what voided it, where it was not its hold's end.
    static func windowVoid(_ step: PlannedStep, window: String, because reason: StepFailure? = nil) -> StepFailure {
        StepFailure(
            code: StepError.Kind.windowVoid.rawValue, expected: reason?.expected ?? "every snapshot of window \(window) before the thaw",
            found: reason?.found ?? "the window was thawed early", location: "step \(step.id)",
            advice: reason?.advice ?? "raise `maxHold:` or take less into the window", retry: .permanent)
    }

    static func denied(_ step: PlannedStep, by person: String) -> StepFailure {
        StepFailure(
            code: "denied", expected: "approval", found: "\(person) said no", location: "step \(step.id)",
            advice: "`snappy-flow jobs retry` asks again", retry: .permanent)
    }
}
