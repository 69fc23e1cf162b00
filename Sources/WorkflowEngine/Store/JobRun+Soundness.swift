public import Basics
import FlowModel

/// What decodes and can't be true. Whoever calculates with a run need not ask again: nothing overflows, and no loop is endless.
extension JobRun {
    /// Why no program of ours can have written this run; nil when one may have.
    var unsoundness: String? {
        job.unsoundness ?? runs.lazy.compactMap { self.unsoundness(of: $0) }.first
            ?? definition.steps.lazy.compactMap { Self.unsoundness(of: $0) }.first ?? unsoundnessOfWindows
    }

    /// The same where only these steps, the windows and the job itself may have changed since it was sound.
    func unsoundness(after changed: [StepRun]) -> String? {
        job.unsoundness ?? changed.lazy.compactMap { self.unsoundness(of: $0) }.first ?? unsoundnessOfWindows
    }

    private func unsoundness(of step: StepRun) -> String? {
        let location = "step \(step.id)"
        guard Sound.token(step.token), Sound.count(step.attempts), Sound.count(step.failures), Sound.count(step.generation) else {
            return "\(location): numbers out of range"
        }
        guard Sound.time(step.notBefore), Sound.time(step.startedAt), Sound.time(step.endedAt), Sound.time(step.deadline) else {
            return "\(location): a time out of range"
        }
        guard Sound.span(step.error?.retryAfter) else { return "\(location): a time span out of range" }
        if let stranger = step.members?.first(where: { position[$0] == nil }) {
            return "\(location): a member \(stranger) that there is not"
        }
        guard let armed = step.armed else { return nil }
        guard planned(step.id)?.isCompensation == true else { return "\(location): it owes an undo and is none" }
        guard Sound.count(armed.generation), Sound.count(armed.order), Sound.time(armed.armedAt) else {
            return "\(location): what it owes is out of range"
        }
        return nil
    }

    private static func unsoundness(of step: PlannedStep) -> String? {
        let spans = [step.timeout, step.retry.backoff, step.retry.maxBackoff]
        guard spans.allSatisfy({ Sound.span($0) }), (0...1000).contains(step.retry.factor) else {
            return "step \(step.id): its plan has numbers out of range"
        }
        return nil
    }

    private var unsoundnessOfWindows: String? {
        for (planned, window) in zip(definition.windows, windowRuns) {
            guard Sound.span(planned.maxHold), Sound.count(window.failures), Sound.time(window.holdUntil), Sound.time(window.retryAt) else {
                return "window \(window.id): numbers or times out of range"
            }
        }
        return nil
    }
}

extension JobProgress {
    fileprivate var unsoundness: String? {
        guard Sound.token(version), Sound.token(lastToken), Sound.count(round), Sound.count(armedCount) else {
            return "numbers out of range"
        }
        guard Sound.time(createdAt), Sound.time(endedAt), Sound.time(deadline) else { return "a time out of range" }
        return nil
    }
}

/// As the checks of migration 3 have it.
private enum Sound {
    static func token(_ number: Int64) -> Bool { (0...Int64.max / 2).contains(number) }
    static func count(_ number: Int) -> Bool { (0...10_000_000).contains(number) }
    /// At most a thousand years.
    static func span(_ span: TimeSpan?) -> Bool { span.map { (0...31_536_000_000_000).contains($0.milliseconds) } ?? true }
    static func time(_ instant: Instant?) -> Bool { instant?.isReal ?? true }
}

extension Instant {
    /// From the year 1 to 9999: what differs from it by a thousand years is a number still.
    public var isReal: Bool { (-62_135_596_800_000_000...253_402_300_799_000_000).contains(microseconds) }
}
