public import Basics
public import FlowModel
import StepKit
import WorkflowEngine

extension FlowControl {
    /// What `abandon` would give up: everything that the job holds, or what that undo owes, named by its own id or that of the step that it undoes.
    /// Throws `transition-refused` where that is nothing.
    public func held(_ job: JobID, by step: StepID? = nil) async throws -> [HeldDetail] {
        guard let details = try await store.job(job) else { throw Self.noJob(job) }
        let held = HeldDetail.all(of: details).filter { held in step.map { held.step == $0 || held.undoes == $0 } ?? true }
        guard !held.isEmpty else { throw Self.nothingHeld(job, "nothing", by: step) }
        return held
    }

    /// Gives up what the job holds and can't undo: it may stay, frozen or taken. All work of the job must have ended, or it throws
    /// `transition-refused`. Guards of this host that still try to thaw are ended: a thaw that came later would open the window of another job.
    public func abandon(_ job: JobID, _ step: StepID? = nil, by requester: Requester) async throws -> AbandonAnswer {
        let held = try await held(job, by: step)
        let applied = try await store.request(.abandon(step, by: requester.name), of: job)
        switch applied.refusal {
        case nil: break
        case .stillWorking:
            throw Explanation(
                .transitionRefused, expected: "a job whose work has ended", found: "steps that run or wait", at: "job \(job)",
                advice: "`snappy-flow jobs cancel \(job)` first", retry: .lostRace)
        case .staleToken, .notReady, .unknownStep, .notAllowed, .nothingToDo:
            throw Self.nothingHeld(job, "that it was undone meanwhile", by: step)
        }
        await tellWorkers()
        for held in held where held.host == nil || held.host == host { try await FormerGuards(key: held.name).end() }
        return AbandonAnswer(
            job: job, cleanup: applied.run.job.cleanup, given: held,
            guardsElsewhere: held.filter { $0.host != nil && $0.host != host })
    }

    private static func nothingHeld(_ job: JobID, _ found: String, by step: StepID?) -> Explanation {
        Explanation(
            .transitionRefused, expected: "something that is still held\(step.map { " by \($0)" } ?? "")", found: found, at: "job \(job)",
            retry: .lostRace)
    }
}

/// What was given up.
public struct AbandonAnswer: Sendable, Hashable, Codable {
    public var job: JobID
    /// `abandoned`, or `failed` where something else is still owed.
    public var cleanup: CleanupState
    public var given: [HeldDetail]
    /// Those of them that a guard on another host may still try to thaw: the process `snappy-flow guard --freeze NAME` is to be ended there.
    public var guardsElsewhere: [HeldDetail]
}
