import FlowModel
import ArgumentParser
import Basics
import Foundation
import PipelineDSL
import PostgreSQL
import StepKit
import Steps
import Synchronization
import WorkflowEngine

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Compiles, persists and executes a pipeline here, with live progress.",
        discussion: """
            Exits 0 only when the job succeeded and everything that it acquired was undone. Ctrl-C cancels and undoes; a second one leaves the
            rest of the undoing to the database and the next worker. Jobs that a dead process of this user left are taken up too, thaw first. Where
            a disk has too little room for database or repository nothing is begun; what there is, and is needed, is said first.
            """)
    @OptionGroup var documents: PipelineOptions
    @OptionGroup var parameters: ParameterOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let compiled = try documents.compileOne()
        let definition = try JobDefinition.instantiate(
            compiled.plan, parameters: parameters.values(for: compiled.plan), catalog: Composition.catalog)
        let plan = definition.applied(to: compiled.plan)
        try await RoomCheck.of(plan, database: database).tell()
        let preparation = RunPreparation(plan)
        preparation.begin()
        let control = try await database.acquire()
        // Two are enough for one job, and each connection more costs a server process that learns everything anew.
        let store = try await control.openStore(connections: 2, key: Composition().sealingKey())
        let ended = WakeSignal()
        let worker = try Composition().worker(store, scope: .owned, slots: 4) { news in
            switch news {
            case .begun: preparation.goOn()
            case .jobEnded: ended.raise()
            }
        } notice: {
            StandardError.write("note: \($0)")
        }
        try refuse(worker.refusals(of: definition.steps, plan, trust: .local))
        let job = try await store.submit(
            JobSubmission(
                plan: plan,
                definition: RunDefinition(steps: definition.steps, windows: definition.windows), parameters: definition.parameters,
                origin: .local, owner: try await worker.register()))
        let terminal = Terminal()
        terminal.write(
            "job \(job)\(terminal.isInteractive ? "\n" : "  pipeline \(compiled.plan.pipeline), plan \(compiled.id.rawValue.prefix(12))\n")"
        )

        let watch = JobWatch(store: store, job: job, databaseWait: database.wait, end: ended)
        let details = try await withInterrupts(store, job, worker) {
            try await carry(job, by: worker, watch)
        }
        watch.conclude(details)
        withExtendedLifetime(control) {}
        if details.run.exitStatus != .succeeded { throw CommandFailure(details.run.exitStatus) }
    }

    /// The job as it ended, or as it was when nothing but a failing cleanup was left of it. A worker that can't go on ends it at once, with its reason.
    private func carry(_ job: JobID, by worker: Worker, _ watch: JobWatch) async throws -> JobDetails {
        try await withThrowingTaskGroup(of: JobDetails?.self) { group in
            group.addTask {
                try await worker.run(until: .jobEnded(job))
                return nil
            }
            group.addTask { try await watch.follow() }
            while let result = try await group.next() {
                guard let details = result else { continue }
                if details.run.hasEnded {
                    try await group.waitForAll()
                } else {
                    await worker.shutDown(grace: .milliseconds(0))
                }
                return details
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
        _ store: EngineStore, _ job: JobID, _ worker: Worker, _ body: @Sendable @escaping () async throws -> JobDetails
    ) async throws -> JobDetails {
        let interrupts = Interrupts()
        defer { withExtendedLifetime(interrupts) {} }
        let counts = interrupts.counts
        let isRecorded = RecordedCancel()
        return try await withThrowingTaskGroup(of: JobDetails?.self) { group in
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
                            try await cancel(job, in: store)
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
    private func cancel(_ job: JobID, in store: EngineStore) async throws {
        while true {
            do {
                _ = try await store.apply(.cancel(by: "Ctrl-C"), to: job)
                try? await store.notify()
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
