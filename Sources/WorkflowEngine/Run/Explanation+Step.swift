import Basics
import FlowModel

/// Why an attempt failed, where the engine itself says so.
extension Explanation {
    static func timedOut(_ step: PlannedStep) -> Explanation {
        Explanation(
            .timedOut, expected: "an end within \(step.timeout.map { "\($0)" } ?? "its time")",
            found: "none", at: "step \(step.id)", advice: "raise `timeout:` if the step needs longer", retry: .transient)
    }

    /// `reason`: what voided it, where it was not its hold's end.
    static func windowVoid(_ step: PlannedStep, window: String, because reason: Explanation? = nil) -> Explanation {
        Explanation(
            .windowVoid, expected: reason?.expected ?? "every snapshot of window \(window) before the thaw",
            found: reason?.found ?? "the window was thawed early", at: "step \(step.id)",
            advice: reason?.advice ?? "raise `maxHold:` or take less into the window", retry: .permanent)
    }

    static func denied(_ step: PlannedStep, by person: String) -> Explanation {
        Explanation(
            .denied, expected: "approval", found: "\(person) said no", at: "step \(step.id)",
            advice: "`snappy-flow jobs retry` asks again", retry: .permanent)
    }
}
