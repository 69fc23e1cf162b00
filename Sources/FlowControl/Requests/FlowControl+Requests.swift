public import Basics
import FlowModel
import WorkflowEngine

/// What a person, or a program for one, asks of a job.
extension FlowControl {
    /// Stops the job and undoes what it acquired. Unchanged: it is over, or being cancelled already.
    public func cancel(_ job: JobID, by requester: Requester) async throws -> RequestAnswer {
        let applied = try await store.request(.cancel(by: requester.name), of: job)
        await tellWorkers()
        return RequestAnswer(job: job, isChanged: applied.refusal == nil)
    }

    /// Goes on from what did not succeed; windows that are gone are taken again. Throws `transition-refused` for a job that runs or succeeded.
    public func retry(_ job: JobID, by requester: Requester) async throws -> RequestAnswer {
        let applied = try await store.request(.retry(by: requester.name), of: job)
        guard applied.refusal == nil else {
            throw Explanation(
                .transitionRefused, expected: "a job that ended without success", found: "one that runs or succeeded", at: "job \(job)",
                retry: .lostRace)
        }
        await tellWorkers()
        return RequestAnswer(job: job, isChanged: true)
    }

    /// Says yes to a step that waits for approval. `outputs`: what the answer adds to the step's.
    public func approve(_ step: StepID, of job: JobID, by requester: Requester, outputs: [String: JSONValue] = [:]) async throws
        -> RequestAnswer
    {
        try await answer(
            step, of: job, StepSignal(isGood: true, by: requester.name, groups: requester.groups, outputs: outputs))
    }

    /// Says no: the step fails.
    public func refuse(_ step: StepID, of job: JobID, by requester: Requester) async throws -> RequestAnswer {
        try await answer(step, of: job, StepSignal(isGood: false, by: requester.name, groups: requester.groups))
    }

    /// Takes a job up again that was set aside because its rows could not be read. Throws what is still wrong with it. Unchanged: it was not set aside.
    public func resume(_ job: JobID, by requester: Requester) async throws -> RequestAnswer {
        let isTaken = try await store.takeUp(job, by: requester.name)
        await tellWorkers()
        return RequestAnswer(job: job, isChanged: isTaken)
    }

    private func answer(_ step: StepID, of job: JobID, _ signal: StepSignal) async throws -> RequestAnswer {
        let applied = try await store.request(.signal(step, signal), of: job)
        if let refusal = applied.refusal { throw Self.refusal(refusal, step, job, signal.by, applied.run) }
        await tellWorkers()
        return RequestAnswer(job: job, isChanged: true)
    }

    private static func refusal(_ refusal: Refusal, _ step: StepID, _ job: JobID, _ person: String, _ run: JobRun) -> Explanation {
        let waiting = run.steps.filter { $0.state == .waiting }.map(\.id.rawValue).joined(separator: ", ")
        let (kind, found): (ErrorKind, String) =
            switch refusal {
            case .unknownStep: (.notFound, "no such step")
            case .notAllowed: (.notAllowed, "\(person), whom the step's `by` does not name")
            case .nothingToDo, .staleToken, .notReady, .stillWorking: (.transitionRefused, "one that is over or was answered before")
            }
        return Explanation(
            kind, expected: "a step that waits for this answer", found: "\(found); waiting: \(waiting.isEmpty ? "none" : waiting)",
            at: "job \(job), step \(step)", retry: kind == .transitionRefused ? .lostRace : .permanent)
    }
}
