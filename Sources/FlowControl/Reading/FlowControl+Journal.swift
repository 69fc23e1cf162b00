public import Basics
import FlowModel
import WorkflowEngine

extension FlowControl {
    /// The job's journal, the oldest first. `cursor`: the `next` of the page before.
    public func events(of job: JobID, cursor: String? = nil, limit: Int = FlowControl.mostItems) async throws -> Page<JobEvent> {
        let limit = try Self.checked(limit)
        let after = try Cursor.number(cursor, of: .events)
        let rows = try await store.events(job: job, after: after, limit: limit)
        return Page(
            items: rows.map { JobEvent($0) },
            next: rows.count == limit ? rows.last.map { Cursor.text(.events, after: "\($0.id)") } : nil)
    }

    /// What the steps' bodies wrote, the oldest first; of one step, or of all. `cursor`: the `next` of the page before.
    public func logs(of job: JobID, step: StepID? = nil, cursor: String? = nil, limit: Int = FlowControl.mostItems) async throws -> Page<
        JobLogLine
    > {
        let limit = try Self.checked(limit)
        let after = try Cursor.number(cursor, of: .logs)
        let rows = try await store.logs(job: job, step: step, after: after, limit: limit)
        return Page(
            items: rows.map { JobLogLine($0) },
            next: rows.count == limit ? rows.last.map { Cursor.text(.logs, after: "\($0.id)") } : nil)
    }
}
