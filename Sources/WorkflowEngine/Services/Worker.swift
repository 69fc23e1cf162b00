import Foundation
public import Basics
public import FlowModel
import LogKit
import Logging
public import StepKit

/// A process that claims steps and runs them. It goes on under a new name when its lease is lost.
public actor Worker {
    /// How long to go on.
    public enum Until: Sendable {
        /// Until it is shut down.
        case shutDown
        /// Until the job is over, or nothing of it is left but a cleanup that keeps failing; and orphaned jobs that were taken up too.
        case jobEnded(JobID)
    }

    let configuration: WorkerConfiguration
    let store: any RunStore
    let catalog: Catalog
    private var session: WorkerSession?
    private var nextID: WorkerID
    private var isShuttingDown = false

    public init(_ configuration: WorkerConfiguration, store: EngineStore, catalog: Catalog) {
        self.configuration = configuration
        self.store = store
        self.catalog = catalog
        nextID = Self.makeID(host: configuration.host)
    }

    /// Writes the worker's row and returns its id: who runs jobs of its own submits them with it as their owner, before `run`.
    public func register() async throws -> WorkerID {
        if let session { return session.id }
        let session = try await WorkerSession.start(nextID, configuration, store, catalog)
        self.session = session
        return session.id
    }

    /// Throws `Explanation` with the code `schema-too-new` when a newer program has migrated the database meanwhile, after what was held here is finished.
    public func run(until: Until = .shutDown) async throws {
        var jobs: Set<JobID> = []
        if case .jobEnded(let job) = until { jobs.insert(job) }
        while true {
            _ = try await register()
            guard let session else { return }
            if isShuttingDown { await session.drain(grace: configuration.grace) }
            let end = await session.run(until: until, jobs: jobs)
            jobs.formUnion(await session.jobs)
            self.session = nil
            nextID = Self.makeID(host: configuration.host)
            switch end {
            case .done: return
            case .outdated(let version): throw Explanation.schemaTooNew(version)
            case .leaseLost:
                try await waitForDatabase()
                // What it left running, and windows that its guards thawed, is then found at once.
                do {
                    _ = try await withLimit(Self.patience) { [store] in try await store.retire(session.id) }
                } catch {
                    configuration.log.of(worker: session.id.rawValue).warning("not retired", error: error)
                }
            }
            if isShuttingDown || Task.isCancelled { return }
        }
    }

    /// Why steps would never be served by this worker, each with what is missing. Who runs a job of its own asks before it submits: nobody
    /// else would take them.
    public nonisolated func refusals(of steps: [PlannedStep], _ plan: Plan, trust: JobTrust) -> [StepError] {
        let accepts = StepAcceptance(worker: WorkerID(rawValue: ""), configuration: configuration, catalog: catalog)
        return steps.compactMap { accepts.refusal(of: $0, plan, trust) }
    }

    /// Claims no more, waits for bodies up to the grace, then gives their steps back without burning a try. `run` returns.
    public func shutDown(grace: TimeSpan? = nil) async {
        isShuttingDown = true
        await session?.drain(grace: grace ?? configuration.grace)
    }

    /// How long one try to reach the database lasts: it may have to be told in between that it is to end.
    private static let patience = Duration.seconds(5)

    /// Under its next name it starts when the database answers.
    private func waitForDatabase() async throws {
        var pause = Duration.milliseconds(100)
        while !isShuttingDown {
            do {
                if try await withLimit(Self.patience, { _ = try await self.register() }) { return }
                configuration.log.warning("registering again: no answer yet")
            } catch {
                try Task.checkCancellation()
                configuration.log.warning("registering again failed", error: error)
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
            // It may have been registered, and only the answer have been lost.
            nextID = Self.makeID(host: configuration.host)
        }
    }

    private static func makeID(host: String) -> WorkerID {
        WorkerID(rawValue: "\(host)-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString.lowercased().prefix(8))")
    }
}
