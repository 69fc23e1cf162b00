public import Basics
import PostgreSQL

/// Something of a job that goes on which nobody will ever do as things are.
public struct StalledWork: Sendable, Hashable, Codable, CustomStringConvertible {
    public var job: JobID
    public var pipeline: String
    /// Nil: the job as a whole, of which nothing is ready, runs or waits.
    public var step: StepID?
    /// It gives back what the job holds.
    public var isUndo: Bool
    public var reason: String

    public var description: String { (step.map { (isUndo ? "undo " : "step ") + "\($0): " } ?? "") + reason }
}

extension EngineStore {
    /// For so long a worker may be on its way: one that is started anew, or another machine's. An undo waits less long for it.
    private static let patience = TimeSpan.minutes(10)
    private static let patienceOfUndos = TimeSpan.minutes(1)

    func stalled() async throws -> [StalledWork] { try await stalled(tenant: nil, job: nil) }

    /// Nil: of every tenant, of every job.
    public func stalled(tenant: String? = nil, job: JobID?) async throws -> [StalledWork] {
        let rows = try await pool.query(
            Self.sql("stalled"),
            [.text(tenant), .text(job?.rawValue), .interval(Self.patience), .interval(Self.patienceOfUndos)])
        return try rows.map { row in
            StalledWork(
                job: JobID(rawValue: try row.get("job")), pipeline: try row.get("pipeline"),
                step: try row.find("step", as: String.self).map { StepID($0) }, isUndo: try row.get("is_undo"),
                reason: try row.get("reason"))
        }
    }

    func settleAnew(_ job: JobID) async throws -> AppliedEvent {
        memory.forget(job)
        return try await apply(.tick, to: job)
    }

    func raiseAlarm(of stalls: [StalledWork]) async throws -> [StalledWork] {
        // Of a thousand members that wait for the same, the first.
        var seen: Set<StalledWork> = []
        let stalls = stalls.filter { stall in
            var kind = stall
            kind.step = nil
            return seen.insert(kind).inserted
        }
        guard !stalls.isEmpty else { return [] }
        let json = try JSONValue(encoding: stalls)
        let told = try await pool.transaction { connection in
            // One after another: two who look at the same time tell of it once.
            try await connection.query(Self.sql("lock-alarms"))
            return try await connection.query(Self.sql("alarm-stalled"), [.json(json)]).map { try $0.get("place", as: Int.self) }
        }
        return told.map { stalls[$0 - 1] }
    }
}
