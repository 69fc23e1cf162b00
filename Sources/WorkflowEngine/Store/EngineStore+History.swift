public import Basics
import PostgreSQL

/// How long jobs that are over and clean stay where they are, and then in history.
public struct HistoryPolicy: Sendable, Hashable {
    /// From the end of the job to its move.
    public var moveAfter: TimeSpan
    /// From the end of the job to its removal with its events and logs.
    public var keep: TimeSpan
    /// So many of each pipeline stay whatever their age.
    public var keepNewest: Int
    /// For how long names that jobs have given outside are known to be theirs, whether the jobs are still known or not.
    public var keepNames = TimeSpan.days(1100)

    public init(moveAfter: TimeSpan = .minutes(10), keep: TimeSpan = .days(400), keepNewest: Int = 100) {
        self.moveAfter = moveAfter
        self.keep = keep
        self.keepNewest = keepNewest
    }
}

/// Jobs that are over and clean leave the hot tables, so that claiming costs the same however long the history is.
extension EngineStore {
    public func tidy() async throws {
        while try await moveToHistory(endedFor: history.moveAfter) == 100 { try Task.checkCancellation() }
        try await pool.repeatable(Self.sql("prune-workers"))
        try await pool.repeatable(Self.sql("prune-outside-names"), [.interval(history.keepNames), .int(Self.mostPruned)])
        while try await pruneHistory(olderThan: history.keep, keeping: history.keepNewest) == Self.mostPruned {
            try Task.checkCancellation()
        }
    }

    /// So many at once: each may have thousands of events and lines of logs.
    private static let mostPruned = 200

    /// Moves jobs that ended at least so long ago. Returns how many.
    public func moveToHistory(endedFor span: TimeSpan, limit: Int = 100) async throws -> Int {
        var moved = 0
        for row in try await pool.repeatable(Self.sql("history-candidates"), [.interval(span), .int(limit)]) {
            let job = JobID(rawValue: try row.get("id"))
            do {
                moved += try await moveToHistory(job)
            } catch {
                guard try await setAside(job, because: error) else { throw error }
            }
        }
        return moved
    }

    private func moveToHistory(_ job: JobID) async throws -> Int {
        guard let record = try await load([job]).first else { return 0 }
        return try await pool.repeatable(
            Self.sql("move-to-history"),
            [.text(record.job.rawValue), .int(record.run.job.version), .json(try JSONValue(encoding: record.run))]
        ).count
    }

    /// Removes jobs from history, with their events and logs, that ended longer ago; the newest `keeping` of each pipeline stay.
    public func pruneHistory(olderThan span: TimeSpan, keeping: Int) async throws -> Int {
        try await pool.repeatable(Self.sql("prune-history"), [.interval(span), .int(keeping), .int(Self.mostPruned)]).first?.get("pruned")
            ?? 0
    }

    func loadHistory(_ job: JobID, on connection: Connection? = nil) async throws -> RunRecord? {
        guard let row = try await query("load-history", [.text(job.rawValue)], on: connection).first else { return nil }
        do {
            return try RunRecord(history: row, job)
        } catch {
            throw Explanation.rotten(job, RottenJob(job, error).reason)
        }
    }

    /// Back into the hot tables, as it was. Nothing happens when it is not in history (any more).
    func restoreFromHistory(_ job: JobID) async throws {
        let now = try await now()
        guard let plan = try await loadHistory(job) else { return }
        let limits = try await limits(of: plan)
        try await pool.transaction { connection in
            guard var record = try await self.loadHistory(job, on: connection) else { return }
            // Windows of a job that is over are nobody's, and who had them may be unknown by now.
            for window in record.run.windowRuns.indices { record.run.windowRuns[window].worker = nil }
            let rows = try await connection.query(Self.sql("restore-job"), [.text(job.rawValue)])
            guard let kept = rows.first else { return }
            let blank = JobRun(record.run.definition, createdAt: record.run.job.createdAt)
            let transition = try Transition(job: job, from: blank, to: record.run, actions: [], tokens: [], limits: limits, now: now)
            _ = try await self.write([transition.json], on: connection)
            try await connection.query(
                Self.sql("restore-attempts"),
                [
                    .text(job.rawValue), .json(try kept.get("attempts", as: JSONValue.self)),
                    .json(try kept.get("undone", as: JSONValue.self)),
                ])
        }
    }
}
