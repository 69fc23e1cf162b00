public import Basics
import FlowModel

/// What may be asked of a job from outside: by a person, a page, a program. What a worker says of its steps has no spelling here.
public enum JobRequest: Sendable, Hashable {
    /// Nothing more is started, what runs is told to stop, and what was acquired is undone.
    case cancel(by: String)
    /// The job goes on from what did not succeed; one whose undos keep failing tries them at once.
    case retry(by: String)
    /// What is still owed when all work has ended is given up: by that undo, or by every one when nil.
    case abandon(StepID?, by: String)
    /// An answer to a step that waits for one.
    case signal(StepID, StepSignal)

    var event: RunEvent {
        switch self {
        case .cancel(let person): .cancel(by: person)
        case .retry(let person): .retryJob(by: person)
        case .abandon(let undo, let person): .abandon(undo, by: person)
        case .signal(let step, let signal): .signal(step, signal)
        }
    }
}

extension EngineStore {
    /// Does what is asked, or says why nothing changed (`AppliedEvent.refusal`). Workers hear of it by `notify`. Throws `no-such-job`.
    public func request(_ request: JobRequest, of job: JobID) async throws -> AppliedEvent { try await apply(request.event, to: job) }
}
