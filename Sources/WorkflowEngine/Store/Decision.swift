import Basics
import StepKit

/// Events decided on a loaded run one after the other, not yet written: they are written together.
struct Decision: Sendable {
    let before: RunRecord
    private(set) var after: RunRecord
    private(set) var actions: [RunAction] = []
    /// The tokens that the workers' events among them were taken under.
    private(set) var tokens: [LiveToken] = []
    /// What each event came to, in their order; the run as it was after that event.
    private(set) var outcomes: [AppliedEvent] = []
    let now: Instant

    init(on record: RunRecord, now: Instant) {
        before = record
        after = record
        self.now = now
    }

    /// Another event on top of the others. Returns why it changed nothing.
    @discardableResult
    mutating func add(_ event: RunEvent) -> Refusal? {
        let more = after.run.handle(event, now: now, random: .random(in: 0...1))
        let outcome = AppliedEvent(actions: more, run: after.run)
        outcomes.append(outcome)
        if let refusal = outcome.refusal { return refusal }
        actions += more
        if let token = event.token, !tokens.contains(token) { tokens.append(token) }
        return nil
    }

    /// True when every event was refused: there is nothing to write.
    var changesNothing: Bool { actions.isEmpty }

    func transition(limits: [String: Int]) throws -> JSONValue {
        try Transition(job: before.job, from: before.run, to: after.run, actions: actions, tokens: tokens, limits: limits, now: now).json
    }

    /// True when a run that was loaded is this decision's, so it was written.
    func isWhatStands(_ run: JobRun) throws -> Bool {
        guard run.job.version == after.run.job.version else { return false }
        // Through JSON, where 2 and 2.0 are the same.
        return try JSONValue(encoding: run).canonicalBytes == JSONValue(encoding: after.run).withoutNUL.canonicalBytes
    }
}

/// A step and the token of the attempt that is running.
struct LiveToken: Sendable, Hashable {
    var step: StepID
    var token: Int64
}

extension RunEvent {
    /// The token that a worker's event must still hold.
    var token: LiveToken? {
        switch self {
        case .finish(let id, let token, _), .fail(let id, let token, _), .stopped(let id, let token), .lost(let id, let token),
            .conditionFalse(let id, let token), .wait(let id, let token, _), .expand(let id, let token, _),
            .recordUndo(let id, let token, _):
            LiveToken(step: id, token: token)
        case .begin, .start, .workerLost, .maxHoldPassed, .signal, .cancel, .tick, .retryJob, .abandon: nil
        }
    }

    /// The bases that a step's end records: which ones they replace is read in the transaction that writes them.
    var bases: [Base] { if case .finish(_, _, let finished) = self { finished.bases } else { [] } }
}
