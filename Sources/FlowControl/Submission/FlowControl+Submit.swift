public import Basics
import FlowModel
public import PipelineDSL
public import WorkflowEngine

extension FlowControl {
    /// Who runs a new job.
    public enum Runner: Sendable, Hashable {
        /// Whatever worker takes it; references, programs and paths are held to the worker's allow-list.
        case fleet
        /// The worker of this very process, which made it for its own user; others take it up when that one is dead.
        case own(WorkerID)
    }

    /// Makes the job. Its first steps are ready when this returns.
    public func submit(_ job: PreparedJob, to runner: Runner = .fleet, deadline: TimeSpan? = nil) async throws -> JobID {
        var submission = JobSubmission(plan: job.plan, parameters: job.parameters, origin: .submitted, deadline: deadline)
        if case .own(let worker) = runner {
            submission.origin = .local
            submission.owner = worker
        }
        let id = try await store.submit(submission)
        if runner == .fleet { await tellWorkers() }
        return id
    }

    /// Compiles documents and makes a job for the fleet of the one pipeline in them, or of that with the name.
    public func submit(
        _ documents: [SourceText], pipeline: String? = nil, parameters: [String: JSONValue] = [:], deadline: TimeSpan? = nil
    ) async throws -> JobID {
        try await submit(
            PreparedJob(documents, pipeline: pipeline, parameters: parameters, catalog: catalog()), to: .fleet, deadline: deadline)
    }
}
