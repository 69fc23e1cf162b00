import FlowModel
import Basics
import Foundation
import LogKit
import Logging
import StepKit

/// The life of a worker under one name: from its registration until it is shut down or its lease is lost.
actor WorkerSession {
    enum End: Sendable {
        case done, leaseLost
        /// The tables are a newer program's by now: what was held is finished, the rest is for that program.
        case outdated(schema: Int)
    }

    nonisolated let id: WorkerID
    private let configuration: WorkerConfiguration
    private let store: any RunStore
    private let catalog: Catalog
    private let accepts: StepAcceptance
    private let lease: LeaseState
    private let journal: StepJournal
    private let watch: FreezeWatch
    private let notifier: Notifier
    private let log: Logger
    private let jobLog: JobLog
    private let refusals: RefusalLog
    private let wake = WakeSignal()
    /// Raised by the answer to the first claim.
    private let begun = WakeSignal()
    private var isBegun = false
    private let heartbeat = WakeSignal()
    private let clock: Timekeeper
    private let reporter: StepReporter
    private var bodies: [UUID: (running: RunningStep, task: Task<Void, Never>)] = [:]
    private var drainUntil: ContinuousClock.Instant?
    private var newerSchema: Int?
    /// Jobs of which it ran a step, or waits for; those that are over are in `settled` too.
    private(set) var jobs: Set<JobID> = []
    private var settled: Set<JobID> = []

    static func start(_ id: WorkerID, _ configuration: WorkerConfiguration, _ store: any RunStore, _ catalog: Catalog) async throws
        -> WorkerSession
    {
        let sentAt = ContinuousClock.now
        let registration = WorkerRegistration(
            id: id, host: configuration.host, process: ProcessInfo.processInfo.processIdentifier,
            labels: configuration.labels.merging(ProcessIdentity.own.map { [Neighbour.label: $0.text] } ?? [:]) { own, _ in own })
        try await store.register(registration, lease: configuration.lease)
        return WorkerSession(id, configuration, store, catalog, LeaseState(heldUntil: sentAt + configuration.lease.duration))
    }

    private init(_ id: WorkerID, _ configuration: WorkerConfiguration, _ store: any RunStore, _ catalog: Catalog, _ lease: LeaseState) {
        self.id = id
        self.configuration = configuration
        self.store = store
        self.catalog = catalog
        self.lease = lease
        accepts = StepAcceptance(worker: id, configuration: configuration, catalog: catalog)
        journal = StepJournal(store: store)
        let log = configuration.log.of(worker: id.rawValue)
        self.log = log
        let jobLog = JobLog(log)
        self.jobLog = jobLog
        refusals = RefusalLog(log)
        watch = FreezeWatch(command: configuration.guardCommand, scratchFolder: configuration.scratchFolder)
        notifier = Notifier(store: store, worker: id)
        let (changes, feed) = AsyncStream.makeStream(of: (AppliedEvent, JobID).self)
        self.changes = changes
        let onChange: @Sendable (AppliedEvent, JobID) async -> Void = { applied, job in
            jobLog.tell(applied, of: job)
            feed.yield((applied, job))
        }
        clock = Timekeeper(store: store, longest: configuration.poll.duration, onChange: onChange, log: log)
        reporter = StepReporter(store: store, lease: lease, onChange: onChange, log: log)
        rescuer = Rescuer(
            store: store, host: configuration.host, interval: configuration.lease.duration / 3, onChange: onChange, log: log)
    }

    private let rescuer: Rescuer
    /// What transitions of this process did.
    private let changes: AsyncStream<(AppliedEvent, JobID)>

    // MARK: running

    func run(until: Worker.Until, jobs: Set<JobID>) async -> End {
        self.jobs.formUnion(jobs)
        if case .jobEnded(let job) = until { jobLog.leave(toOthers: job) }
        let end = await withTaskGroup(of: End?.self) { group in
            group.addTask { await self.keepLease() }
            group.addTask { await self.claimSteps(until) }
            group.addTask {
                // What is there to be done goes first: the services' first looks would all be made beside it.
                await self.begun.wait(atMost: .seconds(1))
                await withDiscardingTaskGroup { group in
                    for service in self.services() { group.addTask { await service() } }
                }
                return nil
            }
            var end: End?
            while end == nil, let next = await group.next() { end = next }
            if case .leaseLost = end { await fence() }
            group.cancelAll()
            return end ?? .done
        }
        guard case .leaseLost = end else {
            watch.thawAll()
            await sayFarewell()
            return end
        }
        _ = try? await withLimit(Self.farewell) { [journal] in await journal.flush() }
        return end
    }

    /// What can be said in a few seconds: a database that is away must not keep a process that was told to end. Others find out by the lease.
    private func sayFarewell() async {
        let isSaid = try? await withLimit(Self.farewell) { [journal, store, id, log, notifier] in
            await journal.flush()
            do { try await store.retire(id) } catch { log.warning("not retired", error: error) }
            notifier.raise()
            await notifier.tell()
        }
        if isSaid != true, !Task.isCancelled {
            log.warning("the database is away; that this worker has ended is found out by its lease")
        }
    }

    private static let farewell = Duration.seconds(10)

    private nonisolated func services() -> [@Sendable () async -> Void] {
        [
            { await self.rescuer.run() }, { await self.clock.run() }, { await self.journal.run() }, { await self.notifier.run() },
            { await Historian(store: self.store, log: self.log).run() },
            { for await (applied, job) in self.changes { await self.follow(applied, job) } },
            {
                for await _ in self.store.notifications(except: self.id) {
                    self.wake.raise()
                    self.heartbeat.raise()
                }
            },
        ]
    }

    private nonisolated func keepLease() async -> End? {
        let keeper = LeaseKeeper(
            store: store, worker: id, lease: configuration.lease, state: lease, signal: heartbeat,
            onStops: { stops in for stop in stops { await self.stop(stop.job, stop.step, stop.token, stop.reason) } },
            onNewerSchema: { await self.leave(toSchema: $0) },
            log: log)
        return await keeper.run() == .lost ? .leaseLost : nil
    }

    /// What a transition asks of workers, here or elsewhere.
    private func follow(_ applied: AppliedEvent, _ job: JobID) {
        note(applied.run, of: job)
        var concernsOthers = false
        for action in applied.actions {
            switch action {
            case .stopBody(let step, let token, let reason):
                if !stop(job, step, token, reason) {
                    concernsOthers = true
                    // Or it is ours, claimed and not begun yet: a heartbeat's answer names it.
                    heartbeat.raise()
                }
            case .wake: concernsOthers = true
            default: break
            }
        }
        wake.raise()
        if applied.bringsTime { clock.signal.raise() }
        if concernsOthers { notifier.raise() }
        if applied.run.hasEnded {
            notifier.raise(ended: job)
            configuration.news(.jobEnded(job))
        }
    }

    private func hasBegun() {
        guard !isBegun else { return }
        isBegun = true
        begun.raise()
        configuration.news(.begun)
    }

    @discardableResult
    private func stop(_ job: JobID, _ step: StepID, _ token: Int64, _ reason: StopReason) -> Bool {
        let mine = bodies.values.first { $0.running.job == job && $0.running.step == step && $0.running.token == token }
        mine?.running.stop(.told(reason))
        return mine != nil
    }

    // MARK: claiming

    private func claimSteps(_ until: Worker.Until) async -> End? {
        var hasLookedAgain = false
        while !Task.isCancelled {
            if let end = drainUntil, end <= .now {
                await giveBack(within: .seconds(5))
                return await over(until)
            }
            if newerSchema != nil, bodies.isEmpty { return await over(until) }
            var claimed: [ClaimedStep] = []
            var pause = Duration.zero
            do {
                claimed = try await claim()
                if !claimed.isEmpty { log.debug("steps are claimed", metadata: ["count": .stringConvertible(claimed.count)]) }
                for step in claimed { start(step) }
                hasBegun()
                if drainUntil != nil, bodies.isEmpty { return await over(until) }
            } catch {
                guard !Task.isCancelled else { return nil }
                hasBegun()
                log.warning("claiming failed, and is tried again", error: error)
                pause = configuration.lease.duration / 10
            }
            if !claimed.isEmpty {
                hasLookedAgain = false
            } else if drainUntil == nil, await isOver(until) {
                // Also where claims fail: what can't be claimed may be another's job.
                if hasLookedAgain { return await over(until) }
                // Orphaned jobs that nobody has found yet are taken up too.
                await rescuer.rescue()
                hasLookedAgain = true
            } else {
                hasLookedAgain = false
                if pause == .zero { pause = configuration.poll.duration }
            }
            if let end = drainUntil { pause = min(pause, max(end - .now, .milliseconds(1))) }
            if pause > .zero { await wake.wait(atMost: pause) }
        }
        return nil
    }

    /// What it was to do may be done all the same.
    private func over(_ until: Worker.Until) async -> End {
        guard let newerSchema, await !isOver(until) else { return .done }
        return .outdated(schema: newerSchema)
    }

    private func claim() async throws -> [ClaimedStep] {
        let free = configuration.slots - bodies.count
        let isDraining = drainUntil != nil
        let urgentOnly = free <= 0 || isDraining
        let limit = urgentOnly ? free + configuration.urgentSlots : free
        guard limit > 0 else { return [] }
        let (accepts, refusals) = (accepts, refusals)
        var request = ClaimRequest(
            worker: id, host: configuration.host, labels: configuration.labels, scope: configuration.scope, limit: limit,
            urgentOnly: urgentOnly
        ) { step, plan, trust in
            guard !isDraining || step.isCompensation else { return nil }
            let claimant = accepts(step, plan, trust)
            if claimant == nil { refusals.tell(accepts.refusal(of: step, plan, trust)) }
            return claimant
        }
        // While it drains it leaves everything, and that is no reason.
        request.reason = { step, plan, trust in accepts.refusal(of: step, plan, trust) }
        return try await store.claim(request)
    }

    private func start(_ claimed: ClaimedStep) {
        let running = RunningStep(job: claimed.job, step: claimed.step, token: claimed.run[claimed.step]?.token ?? 0)
        jobs.insert(claimed.job)
        settled.remove(claimed.job)
        let executor = StepExecutor(
            claimed: claimed, running: running, store: store, catalog: catalog, configuration: configuration, journal: journal,
            lease: lease,
            watch: watch,
            onGuardEnd: { [reporter, id] window in
                Task { await reporter.report(.maxHoldPassed(window: window, by: id), to: claimed.job) }
            }, expressions: StepExpressions(claimed: claimed))
        jobLog.begin(claimed)
        let key = UUID()
        let task = Task { [reporter, journal] in
            let event = await executor.run()
            await journal.flush()
            await reporter.report(event, to: claimed.job)
            self.ended(key)
        }
        bodies[key] = (running, task)
        // Started between the claim and now, the stop has found no body.
        if let reason = claimed.run[claimed.step]?.stop { running.stop(.told(reason)) }
        if !lease.isHeld { running.stop(.givenBack) }
    }

    private func ended(_ key: UUID) {
        bodies[key] = nil
        wake.raise()
    }

    // MARK: ending

    func drain(grace: TimeSpan) {
        drainUntil = min(drainUntil ?? .now + grace.duration, .now + grace.duration)
        wake.raise()
    }

    /// What this program would write may not be what the newer one reads: it begins nothing any more, and lets what runs come to its end.
    private func leave(toSchema version: Int) {
        guard newerSchema == nil else { return }
        newerSchema = version
        log.error(
            """
            the database's schema is of version \(version) now, made by a newer snappy-flow: no more is claimed, what runs is finished, then \
            this worker ends
            """
        )
        drain(grace: .days(3650))
    }

    /// Tells every body to stop. One that does not heed it is fenced by its token; it must hold up nothing else.
    private func giveBack(within limit: Duration) async {
        for body in bodies.values { body.running.stop(.givenBack) }
        let tasks = bodies.values.map(\.task)
        guard !tasks.isEmpty else { return }
        let done = WakeSignal()
        Task {
            for task in tasks { await task.value }
            done.raise()
        }
        await done.wait(atMost: limit)
    }

    private func isOver(_ until: Worker.Until) async -> Bool {
        guard case .jobEnded = until else { return false }
        guard bodies.isEmpty else { return false }
        for job in jobs.subtracting(settled) {
            do {
                if let run = try await store.loadRun(job) { note(run, of: job) }
            } catch let error as Explanation where error.isRotten {
                // It waits for a person.
                settled.insert(job)
            } catch {}
        }
        return jobs.isSubset(of: settled)
    }

    private func note(_ run: JobRun, of job: JobID) {
        let isSettled = run.hasEnded || (run.job.outcome != nil && run.job.cleanup == .failed)
        if isSettled { settled.insert(job) } else { settled.remove(job) }
    }

    /// The lease is gone or about to: what is frozen here is thawed first, bodies stop, reports come later.
    private func fence() async {
        lease.fence()
        watch.thawAll()
        await giveBack(within: .seconds(2))
    }
}
