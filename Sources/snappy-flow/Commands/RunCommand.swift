import ArgumentParser
import FlowControl
import FlowModel
import ArgumentParser
import Basics
import Foundation
import Logging
import PipelineDSL
import PostgreSQL
import StepKit
import Steps
import Synchronization
import WorkflowEngine

struct RunCommand: AsyncParsableCommand, LoggingCommand {
    static let logLevel = Logger.Level.notice

    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Compiles, persists and executes a pipeline here, with live progress.",
        discussion: """
            Exits 0 only if the job succeeded and everything that it acquired was undone. Ctrl-C cancels and undoes; a second one leaves \
            the rest of the undoing to the database and the next worker. Jobs that a dead process of this user left are taken over too, \
            thaws first. If a disk has too little room for the database or a repository, nothing begins, and what is free and what is \
            needed is said.
            """)
    @OptionGroup var documents: PipelineOptions
    @OptionGroup var parameters: ParameterOptions
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var log: LogOptions

    func run() async throws {
        let compiled = try documents.compileOne()
        let prepared = try PreparedJob(
            compiled.plan, parameters: parameters.values(for: compiled.plan), catalog: Composition.catalog)
        try await RoomCheck.of(prepared.plan, database: database).tell()
        let preparation = RunPreparation(prepared.plan)
        preparation.begin()
        // Two are enough for one job, and each connection more costs a server process that learns everything anew.
        let detail = try await database.withControlStore(connections: 2, key: Composition().sealingKey()) { store in
            try await carry(prepared, of: compiled, in: store, preparation)
        }
        if detail.exitStatus != .succeeded { throw CommandFailure(detail.exitStatus) }
    }

    /// Makes the job, carries it to its end, and says how it ended.
    private func carry(
        _ prepared: PreparedJob, of compiled: CompiledPlan, in store: EngineStore, _ preparation: RunPreparation
    ) async throws -> JobDetail {
        let ended = WakeSignal()
        let worker = try Composition().worker(store, scope: .owned, slots: 4) { news in
            switch news {
            case .begun: preparation.goOn()
            case .jobEnded: ended.raise()
            }
        }
        try refuse(worker.refusals(of: prepared.plan.steps, prepared.plan, trust: .local))
        let control = FlowControl(of: store)
        let job = try await control.submit(prepared, to: .own(worker.register()))
        let terminal = Terminal()
        terminal.write(
            "job \(job)\(terminal.isInteractive ? "\n" : "  pipeline \(compiled.plan.pipeline), plan \(compiled.id.rawValue.prefix(12))\n")"
        )

        let watch = JobWatch(control: control, job: job, databaseWait: database.wait, end: ended)
        let detail = try await withInterrupts(control, job, worker) {
            try await carry(job, by: worker, watch)
        }
        watch.conclude(detail)
        return detail
    }

    /// The job as it ended, or as it was when nothing but a failing cleanup was left of it. A worker that can't go on ends it at once, with its reason.
    private func carry(_ job: JobID, by worker: Worker, _ watch: JobWatch) async throws -> JobDetail {
        try await withThrowingTaskGroup(of: JobDetail?.self) { group in
            group.addTask {
                try await worker.run(until: .jobEnded(job))
                return nil
            }
            group.addTask { try await watch.follow() }
            while let result = try await group.next() {
                guard let detail = result else { continue }
                if detail.hasEnded {
                    try await group.waitForAll()
                } else {
                    await worker.shutDown(grace: .milliseconds(0))
                }
                return detail
            }
            throw CancellationError()
        }
    }

    /// Nothing is begun that can't be carried to its end here.
    private func refuse(_ refusals: [StepError]) throws {
        guard let first = refusals.first else { return }
        for refusal in refusals.dropFirst() { StandardError.write(lines: ErrorReport(refusal).text) }
        throw first
    }

    /// The first Ctrl-C cancels the job; the second gives up waiting.
    private func withInterrupts(
        _ control: FlowControl, _ job: JobID, _ worker: Worker, _ body: @Sendable @escaping () async throws -> JobDetail
    ) async throws -> JobDetail {
        let interrupts = Interrupts()
        defer { withExtendedLifetime(interrupts) {} }
        let counts = interrupts.counts
        let isRecorded = RecordedCancel()
        return try await withThrowingTaskGroup(of: JobDetail?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await withThrowingTaskGroup(of: Void.self) { asking in
                    for await count in counts {
                        guard count == 1 else {
                            if count == 2 { await isRecorded.wait(atMost: .seconds(2)) }
                            try await leave(worker, hastily: count > 2)
                        }
                        StandardError.write(
                            "Cancelling: running steps are told to stop and everything acquired is undone. Ctrl-C again to leave that to the next worker."
                        )
                        // Beside the loop: the database may be away, and a second Ctrl-C must be heard all the same.
                        asking.addTask {
                            try await cancel(job, control)
                            isRecorded.set()
                        }
                    }
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// Asks until the database answers.
    private func cancel(_ job: JobID, _ control: FlowControl) async throws {
        while true {
            do {
                _ = try await control.cancel(job, by: Requester(name: "Ctrl-C"))
                return
            } catch let error as PostgreSQLError where error.retry == .transient {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// Gives everything back and ends, in any case within seconds: what is frozen here its guards thaw when this process is gone.
    private func leave(_ worker: Worker, hastily: Bool) async throws -> Never {
        let failure = CommandFailure(
            .interrupted, "Left: what is not undone yet is in the database; `snappy-flow worker` or the next `run` goes on with it.")
        Task.detached {
            if !hastily { try? await Task.sleep(for: .seconds(8)) }
            StandardError.write(failure.message)
            Foundation.exit(failure.status.rawValue)
        }
        await worker.shutDown(grace: .milliseconds(0))
        throw failure
    }
}

/// Whether the database knows of a cancel: who leaves a moment later must not leave a job that goes on as if nothing had been said.
private final class RecordedCancel: Sendable {
    private let isSet = Atomic(false)

    func set() { isSet.store(true, ordering: .releasing) }

    func wait(atMost limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while !isSet.load(ordering: .acquiring), ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(10)) }
    }
}
