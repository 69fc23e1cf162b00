public import Basics
import PostgreSQL

extension EngineStore {
    func register(_ worker: WorkerRegistration, lease: TimeSpan) async throws {
        let labels = JSONValue.object(worker.labels.mapValues { .string($0) })
        let rows = try await pool.repeatable(
            Self.sql("register-worker"),
            [.text(worker.id.rawValue), .text(worker.host), .int(Int64(worker.process)), .json(labels), .interval(lease)])
        guard let row = rows.first else {
            throw Explanation(
                .workerKnown, expected: "a worker's id that no other has or had", found: "one that another process registered",
                at: "worker \(worker.id)", advice: "take another id")
        }
        clock.note(try row.instant("now"))
    }

    /// A heartbeat that is lost with the server is no loss: the lease ends earlier.
    func heartbeat(_ worker: WorkerID, lease: TimeSpan) async throws -> HeartbeatReply? {
        let rows = try await relaxed.repeatable(Self.sql("heartbeat"), [.text(worker.rawValue), .interval(lease)])
        guard let row = rows.first else { return nil }
        clock.note(try row.instant("now"))
        // One that can't be read must not cost the lease.
        let stops = (try? row.get("stops", as: JSONValue.self))?.arrayValue?.compactMap { try? $0.decoded(as: StopRow.self) } ?? []
        let schema = try row.find("schema", as: Int.self) ?? 0
        return HeartbeatReply(
            stops: stops.map { .init(job: $0.job, step: $0.step, token: $0.token, reason: $0.reason) },
            newerSchema: schema > Self.schemaVersion ? schema : nil)
    }

    /// The schema's version of this binary.
    private static let schemaVersion = Migrator().latest

    private struct StopRow: Decodable {
        var job: JobID
        var step: StepID
        var token: Int64
        var reason: StopReason
    }

    func retire(_ worker: WorkerID) async throws {
        try await pool.repeatable(Self.sql("retire-worker"), [.text(worker.rawValue)])
        ledger.forget(worker)
    }

    func lostWork(limit: Int) async throws -> [LostWork] {
        try await pool.repeatable(Self.sql("lost-work"), [.int(limit)]).map { row in
            LostWork(worker: WorkerID(rawValue: try row.get("worker")), job: JobID(rawValue: try row.get("job")))
        }
    }

    func neighbours(host: String) async throws -> [Neighbour] {
        try await pool.repeatable(Self.sql("neighbours"), [.text(host)]).map { row in
            Neighbour(worker: WorkerID(rawValue: try row.get("id")), process: try row.get("process"))
        }
    }

    func dueJobs(limit: Int) async throws -> [JobID] {
        try await pool.repeatable(Self.sql("due-jobs"), [.int(limit)]).map { JobID(rawValue: try $0.get("id")) }
    }

    func settleDue(_ job: JobID, _ run: JobRun) async throws {
        try await pool.repeatable(
            Self.sql("settle-due"), [.text(job.rawValue), .int(run.job.version), .int(run.nextTick?.microseconds)])
    }

    func untilNextDue() async throws -> TimeSpan? {
        try await pool.repeatable(Self.sql("until-next-due")).first?.find("milliseconds", as: Int64.self).map { .milliseconds($0) }
    }

    func notify(by worker: WorkerID?, ended: [JobID]) async throws {
        try await send((worker.map { [$0.rawValue] } ?? []) + ended.map { Self.endMark + $0.rawValue })
    }

    public func notify() async throws { try await send([""]) }

    /// Over a connection that is there anyway: who submits a job makes no other for it.
    private func send(_ words: [String]) async throws { try await pool.repeatable(Self.sql("notify"), [.texts(words)]) }

    /// Before a job's id.
    private static let endMark = "ended:"

    func notifications(except worker: WorkerID) -> AsyncStream<Void> {
        heard { $0 != worker.rawValue && !$0.hasPrefix(Self.endMark) }
    }

    /// A stream that yields when the job has ended. That may be missed: look now and then all the same.
    public func endings(of job: JobID) -> AsyncStream<Void> { heard(elseToo: false) { $0 == Self.endMark + job.rawValue } }

    /// `elseToo`: a connection that comes or goes is heard of too.
    private func heard(elseToo: Bool = true, _ concerns: @escaping @Sendable (String) -> Bool) -> AsyncStream<Void> {
        let (stream, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let task = Task { [relaxed] in
            let listener = Listener(relaxed.settings) {
                try await $0.query(Self.sql("channel")).map { try $0.get("channel") }
            } concerns: {
                event in
                if case .notification(_, let words) = event { concerns(words) } else { true }
            }
            for await event in listener.events {
                if case .notification = event { feed.yield() } else if elseToo { feed.yield() }
            }
            feed.finish()
        }
        feed.onTermination = { _ in task.cancel() }
        return stream
    }
}
