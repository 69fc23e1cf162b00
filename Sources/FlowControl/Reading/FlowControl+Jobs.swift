public import Basics
import FlowModel
public import WorkflowEngine

extension FlowControl {
    /// The most jobs, events or lines of a page.
    public static let mostItems = 1000

    /// The newest first, history included. `cursor`: the `next` of the page before, of the same filter. Jobs that are made meanwhile are not met; each of the
    /// others is met once. Throws `invalid` for another text.
    public func jobs(_ filter: JobFilter = JobFilter(), cursor: String? = nil, limit: Int = 50) async throws -> Page<JobOverview> {
        let limit = try Self.checked(limit)
        let before = try cursor.map { text throws(Explanation) -> JobID in
            let id = JobID(rawValue: try Cursor.key(text, of: .jobs))
            guard id.isUUID else { throw Cursor.bad(text, .jobs) }
            return id
        }
        // One more than asked for tells whether there are more.
        let rows = try await store.jobs(filter, before: before, limit: limit + 1)
        let shown = rows.prefix(limit)
        return Page(
            items: shown.map { JobOverview($0) },
            next: rows.count > limit ? shown.last.map { Cursor.text(.jobs, after: $0.id.rawValue) } : nil)
    }

    /// The job of that id, or of an id that begins or ends so. Throws `bad-job-id` and `no-such-job`.
    public func find(_ text: String) async throws -> JobID { try await store.findJob(text) }

    /// Everything about a job. Of one whose rows can't be read, what can be said of it (`isComplete` is false). Throws `no-such-job`.
    public func job(_ id: JobID) async throws -> JobDetail {
        do {
            guard let details = try await store.job(id) else { throw Self.noJob(id) }
            return JobDetail(details, stalled: try await store.stalled(job: id))
        } catch let error as Explanation where error.isRotten {
            guard let summary = try await store.summary(id) else { throw error }
            return JobDetail(unreadable: summary, because: error.found)
        }
    }

    /// What is on its list: see `JobOverview`. Throws `no-such-job`.
    public func overview(_ id: JobID) async throws -> JobOverview {
        guard let summary = try await store.summary(id) else { throw Self.noJob(id) }
        return JobOverview(summary)
    }

    /// Whether any worker lives.
    public func hasLivingWorker() async throws -> Bool { try await store.workers().contains(where: \.isAlive) }

    static func noJob(_ job: JobID) -> Explanation {
        Explanation(
            .noSuchJob, expected: "the job in the database", found: "nothing; was its history pruned?", at: "job \(job)",
            advice: "see `snappy-flow jobs list`")
    }

    static func checked(_ limit: Int) throws(Explanation) -> Int {
        guard (1...mostItems).contains(limit) else {
            throw Explanation(.invalid, expected: "1 to \(mostItems)", found: "\(limit)", at: "limit")
        }
        return limit
    }
}

extension JobID {
    /// As `JobID.make` writes one.
    fileprivate var isUUID: Bool { rawValue.wholeMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) != nil }
}
