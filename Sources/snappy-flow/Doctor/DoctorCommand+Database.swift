import Basics
import FlowModel
import Foundation
import WorkflowEngine

extension DoctorCommand {
    /// Throws where the database can't be asked. Returns what what lies outside is compared with.
    func checkDatabase(_ store: EngineStore, _ report: inout DoctorReport) async throws -> HoldingLedger {
        try await checkServer(store, &report)
        let workers = try await checkWorkers(store, &report)
        let aside = try await checkRows(store, &report)
        try await checkStalls(store, &report)
        let late = try await checkHeld(store, hasWorkers: !workers.isEmpty, aside: aside, &report)
        return HoldingLedger(store: store, bases: try await store.bases(), late: late)
    }

    private func checkServer(_ store: EngineStore, _ report: inout DoctorReport) async throws {
        func now() -> Instant { Instant(microseconds: Int64(Date.now.timeIntervalSince1970 * 1_000_000)) }
        let asked = now()
        let facts = try await store.databaseFacts()
        let clock = ClockSkew(asked: asked, answered: now(), database: facts.now)
        report.good("\(store.place), PostgreSQL \(facts.version), schema version \(Migrator().latest)")
        let remedy = "set both by NTP: what is dated goes by them (`latest`, locks of repositories, requests to S3)"
        if clock.isHarmful { report.bad(clock.words, do: remedy) } else if clock.isNoticeable { report.warning(clock.words, do: remedy) }
    }

    /// Those that live, as far as can be known here: a lease outlives a process that was killed for seconds.
    private func checkWorkers(_ store: EngineStore, _ report: inout DoctorReport) async throws -> [WorkerRecord] {
        let dead = try await store.deadNeighbours(host: Composition.host)
        let all = try await store.workers()
        let workers = all.filter { $0.isAlive && !dead.contains($0.id) }
        report.good("\(workers.count) living worker\(workers.count == 1 ? "" : "s")")
        for worker in all where dead.contains(worker.id) || (!worker.isAlive && worker.stepsRunning > 0) {
            let why = dead.contains(worker.id) ? "its process \(worker.process) is dead" : "its lease has passed"
            let steps = worker.stepsRunning == 0 ? "" : "; it ran \(worker.stepsRunning) step\(worker.stepsRunning == 1 ? "" : "s")"
            report.warning(
                "worker \(worker.id) on host \(worker.host): \(why)\(steps)",
                do: workers.isEmpty
                    ? "start `snappy-flow worker`, which takes over what it left" : "nothing: another worker takes over what it left")
        }
        return workers
    }

    private func checkRows(_ store: EngineStore, _ report: inout DoctorReport) async throws -> [SetAsideJob] {
        let aside = try await store.setAsideJobs()
        for job in aside {
            report.bad(
                "job \(job.job.short) (\(job.pipeline)) is set aside since \(job.at.dateAndClock): \(job.reason)",
                do: "mend its rows, then `snappy-flow jobs resume \(job.job.short)` (docs/database.md)")
        }
        for (job, reason) in try await store.brokenRules() where !aside.contains(where: { $0.job == job }) {
            report.bad(reason, do: "mend or remove the row (docs/database.md)")
        }
        return aside
    }

    private func checkStalls(_ store: EngineStore, _ report: inout DoctorReport) async throws {
        let stalls = try await store.stalled(tenant: "default", job: nil)
        if stalls.count > 20 { report.bad("\(stalls.count) steps stand still; the first:", do: "") }
        for stall in stalls.prefix(20) {
            report.bad(
                "job \(stall.job.short) (\(stall.pipeline)) stands still: \(stall)",
                do: stall.step == nil
                    ? "look at its rows (docs/database.md), or `snappy-flow jobs cancel \(stall.job.short)`"
                    : "start a worker that can take it, or "
                        + (stall.isUndo
                            ? "undo it by hand, then `snappy-flow jobs abandon \(stall.job.short)`"
                            : "`snappy-flow jobs cancel \(stall.job.short)`"))
        }
    }

    /// Returns what nobody undoes.
    private func checkHeld(
        _ store: EngineStore, hasWorkers: Bool, aside: [SetAsideJob], _ report: inout DoctorReport
    ) async throws -> Set<HoldingLedger.Undo> {
        var late: Set<HoldingLedger.Undo> = []
        let held = try await store.armed()
        if held.isEmpty { report.good("nothing is held") }
        for record in held {
            let what =
                "\(record.step.undoes?.rawValue ?? record.step.id.rawValue) of job \(record.job.short) (\(record.pipeline)), since \(record.armedAt.dateAndClock)"
            let isAside = aside.contains { $0.job == record.job }
            if record.failures == 0, hasWorkers, !isAside {
                report.good("held by a job in progress: \(what)")
            } else {
                late.insert(HoldingLedger.Undo(job: record.job, step: record.step.id))
                let host = record.host.map { " on host \($0)" } ?? ""
                report.held(
                    "held: \(what), undone by \(record.step.id)\(host)", error: record.error,
                    do: (isAside
                        ? "mend the job's rows, then `snappy-flow jobs resume \(record.job.short)`"
                        : hasWorkers ? "mend what it fails of: it is tried again by itself" : "start `snappy-flow worker`\(host)")
                        + (record.failures == 0
                            ? "" : "; what can't be undone any more is given up with `snappy-flow jobs abandon \(record.job.short)`"))
            }
        }
        return late
    }
}
