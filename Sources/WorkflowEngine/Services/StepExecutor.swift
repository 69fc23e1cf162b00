import Basics
import FlowModel
import Foundation
import StepKit

/// Carries one attempt from its claim to the event that reports it: settings resolved, condition asked, guard started, body run within its
/// time, errors turned into failures.
struct StepExecutor: Sendable {
    let claimed: ClaimedStep
    let running: RunningStep
    let store: any RunStore
    let catalog: Catalog
    let configuration: WorkerConfiguration
    let journal: StepJournal
    let lease: LeaseState
    let watch: FreezeWatch
    /// The guard thawed at the end of the hold, or died: what is frozen is to be thawed now, and the window is void.
    let onGuardEnd: @Sendable (_ window: String) -> Void
    let expressions: StepExpressions

    private var token: Int64 { running.token }
    /// What bodies see of it.
    private var plan: Plan { configuration.allowList(for: claimed.trust)?.confined(claimed.plan, catalog) ?? claimed.plan }

    func run() async -> RunEvent {
        guard let step = claimed.run.planned(claimed.step), let row = claimed.run[claimed.step] else {
            return .lost(claimed.step, token: token)
        }
        do {
            return try await perform(step, row)
        } catch {
            return event(for: error, step)
        }
    }

    private func perform(_ step: PlannedStep, _ row: StepRun) async throws -> RunEvent {
        // Empty scratch folders would pile up; one with something in it is the undo's.
        defer { rmdir("\(configuration.scratchFolder)/\(key(step.undoes ?? step.id, row.armed?.generation ?? row.generation))") }
        if step.isCompensation { return .finish(step.id, token: token, FinishedStep(try await undo(step, row))) }
        if try isRuledOut(step) { return .conditionFalse(step.id, token: token) }
        if step.forEach != nil { return .expand(step.id, token: token, members: try expressions.members(of: step)) }
        guard let verb = catalog.verb(step.verb) else { throw noVerb(step) }
        if verb.declaration.waitsFor != nil {
            return .wait(step.id, token: token, until: step.timeout.flatMap { span in row.startedAt.map { $0 + span } })
        }
        let result =
            if let undo = step.undoneBy.flatMap({ claimed.run.planned($0) }), let armed = claimed.run[undo.id]?.armed {
                try await acquire(step, verb, undo: undo, armed)
            } else {
                try await body(step) {
                    try await verb.run(try context(step, key: key(step.id, row.generation), recorder: recorder(key: nil)))
                }
            }
        return .finish(step.id, token: token, FinishedStep(result))
    }

    /// A fan-out's condition may be about its items: then every member asks it.
    private func isRuledOut(_ step: PlannedStep) throws -> Bool {
        guard let condition = step.when else { return false }
        guard step.forEach != nil else { return try !expressions.condition(condition, of: step) }
        return (try? expressions.condition(condition, of: step)) == false
    }

    // MARK: acquiring

    private func acquire(_ step: PlannedStep, _ verb: any Verb, undo: PlannedStep, _ armed: ArmedResource) async throws -> StepResult {
        let key = key(step.id, armed.generation)
        let isFreeze = undo.verb == Self.thaw
        if isFreeze, armed.host != nil { try await startGuard(step, undo: undo, armed, key: key) }
        let recorder = recorder(key: isFreeze ? key : nil, state: armed.state)
        let outcome: Result<StepResult, any Error>
        do {
            outcome = .success(try await body(step) { try await verb.run(try context(step, key: key, recorder: recorder)) })
        } catch {
            outcome = .failure(error)
        }
        if isFreeze { watch.settle(key) }
        if !lease.isHeld {
            await undoOwnEffect(verb, undo, key: key, state: armed.state.merging(recorder.undoState) { _, new in new })
            throw StepError(
                .leaseLost, expected: "the lease to stand until the resource was acquired", found: "it was lost; the effect was undone",
                at: "step \(step.id)", retry: .lostRace)
        }
        if isFreeze, watch.hasEnded(key) != nil {
            throw StepError(
                .windowVoid, expected: "what was frozen to stay so until the snapshots are taken", found: "its guard thawed it, or died",
                at: "step \(step.id)", retry: .transient)
        }
        return try outcome.get()
    }

    private static let thaw = "thaw"

    private func startGuard(_ step: PlannedStep, undo: PlannedStep, _ armed: ArmedResource, key: String) async throws {
        let window = step.window.flatMap { claimed.run.window($0) }
        let planned = claimed.plan.windows.first { $0.id == step.window }
        var hold = planned?.maxHold ?? .seconds(30)
        if let until = window?.holdUntil, let now = claimed.run[step.id]?.startedAt { hold = until - now }
        let order = GuardOrder(
            job: claimed.job, tenant: claimed.tenant, plan: plan, step: undo, key: key, settings: undoSettings(undo, of: step),
            state: armed.state, hold: .milliseconds(hold.milliseconds + Self.guardMargin), scratchFolder: configuration.scratchFolder,
            reportPath: watch.reportPath(key))
        let onGuardEnd = onGuardEnd
        try await watch.watch(order) { end in
            switch end {
            // Told to thaw, it is the lease that was lost: that is reported as such and burns no try.
            case .disarmed, .thawed(.told), .thawed(.workerGone): break
            case .thawed(.holdPassed), .died: if let id = step.window { onGuardEnd(id) }
            }
        }
    }

    /// Milliseconds: the regular way goes first.
    private static let guardMargin: Int64 = 500

    /// The lease was lost while the resource was acquired: another worker may already have undone it, before it was there.
    private func undoOwnEffect(_ verb: any Verb, _ undo: PlannedStep, key: String, state: [String: JSONValue]) async {
        guard let step = claimed.run.planned(claimed.step), await !isInOtherHands(step, undo, key: key),
            let context = try? context(undo, key: key, recorder: recorder(key: nil), settings: undoSettings(undo, of: step), state: state)
        else { return }
        // Not a child of the cancelled task.
        await Task.detached {
            do { _ = try await verb.undo(context) } catch {
                context.recorder.log(.error, "undoing after the lease was lost: \(StepError(wrapping: error, at: "step \(undo.id)"))")
            }
        }.value
        _ = try? await watch.disarm(key)
    }

    /// True when another worker has undone the freeze and somebody holds the system by now: a thaw of ours would open a window that is not
    /// ours. What of our freeze landed late, the thaw of that window undoes. Everything else is named by its key, and safe to undo twice.
    private func isInOtherHands(_ step: PlannedStep, _ undo: PlannedStep, key: String) async -> Bool {
        let isBound = claimed.run[undo.id]?.armed?.host != nil
        guard undo.verb == Self.thaw, !isBound || watch.wasEndedByAnother(key) else { return false }
        let systems = Set(step.holds.map(\.resource).filter { $0.hasPrefix("system/") })
        for _ in 0..<30 {
            if let isHeld = try? await store.isHeld(tenant: claimed.tenant, resources: systems) { return isHeld }
            try? await Task.detached { try await Task.sleep(for: .seconds(1)) }.value
        }
        return false  // nobody can say: rather thawed twice than frozen for ever
    }

    // MARK: undoing

    private func undo(_ step: PlannedStep, _ row: StepRun) async throws -> StepResult {
        guard let armed = row.armed, let acquirer = step.undoes.flatMap({ claimed.run.planned($0) }) else { return StepResult() }
        guard let verb = catalog.verb(undoneBy: step.verb) else { throw noVerb(step) }
        let settings = undoSettings(step, of: acquirer)
        let recorder = recorder(key: nil)
        var result = StepResult()
        if armed.owesOwn {
            let key = key(acquirer.id, armed.generation)
            var state = armed.state
            if !armed.kept.isEmpty { state["kept"] = .array(armed.kept.sorted().map { .string($0) }) }
            let context = try context(step, key: key, recorder: recorder, settings: settings, state: state)
            result = try await body(step) { try await verb.undo(context) }
            if step.verb == Self.thaw, let report = try await watch.disarm(key), report.event == .thawed {
                recorder.log(.warning, "its guard had thawed it before (\(report.reason?.rawValue ?? "unknown"))")
            }
        }
        for base in armed.former {
            guard StepKey.isOne(base.snapshot.key) else {
                throw StepError(
                    .invalidSetting, expected: "a former base that a step of ours has made", found: "one called \(base.snapshot.key)",
                    at: "step \(step.id)",
                    advice:
                        "look who writes the control database; what it names is not removed. `snappy-flow jobs abandon` gives this undo up")
            }
            let state: [String: JSONValue] = ["former": try JSONValue(encoding: base.snapshot)]
            let context = try context(step, key: base.snapshot.key, recorder: recorder, settings: settings, state: state)
            _ = try await body(step) { try await verb.undo(context) }
        }
        return result
    }

    /// A compensation's own settings, else those of what it undoes.
    private func undoSettings(_ undo: PlannedStep, of acquirer: PlannedStep) -> [String: JSONValue] {
        expressions.settingsForUndo(undo.settings.isEmpty ? acquirer : undo)
    }

    // MARK: the body

    /// Runs a body in a task that ends when the worker stops it or its time is up.
    private func body(_ step: PlannedStep, _ work: @escaping @Sendable () async throws -> StepResult) async throws -> StepResult {
        let task = Task {
            try await cancellable(stumbledOver: { log(.info, "when it was stopped: \($0)") }, work)
        }
        running.onStop { task.cancel() }
        guard let timeout = step.timeout else { return try await task.value }
        let alarm = Task {
            try await Task.sleep(for: timeout.duration)
            task.cancel()
            return true
        }
        let result = await task.result
        alarm.cancel()
        let isLate = (try? await alarm.value) ?? false
        switch result {
        case .success(let value): return value
        case .failure(let error):
            guard isLate, running.stop == nil, (error as? StepError)?.kind != .halfWritten else { throw error }
            throw StepError(
                .timedOut, expected: "an end within \(timeout)", found: "none", at: "step \(step.id)",
                advice: "raise `timeout:` if the step needs longer", retry: .transient)
        }
    }

    private func log(_ level: LogLevel, _ message: String) {
        let attempt = claimed.run[claimed.step]?.attempts ?? 1
        journal.add(LogLine(job: claimed.job, step: claimed.step, attempt: attempt, level: level, message: message))
    }

    private func event(for error: any Error, _ step: PlannedStep) -> RunEvent {
        if !lease.isHeld || running.stop == .givenBack { return .lost(step.id, token: token) }
        let failure = Explanation(error, at: "step \(step.id)")
        if failure.kind == .leaseLost { return .lost(step.id, token: token) }
        if running.stop != nil, failure.kind == .cancelled { return .stopped(step.id, token: token) }
        return .fail(step.id, token: token, failure)
    }

    private func noVerb(_ step: PlannedStep) -> StepError {
        StepError(
            .invalidSetting, expected: "a verb of this binary", found: step.verb, at: "step \(step.id)",
            advice: "run a worker whose `snappy-flow plugins list` shows it")
    }

    // MARK: the context

    private func key(_ acquirer: StepID, _ generation: Int) -> String {
        StepKey(job: claimed.job, step: acquirer, generation: generation).text
    }

    private func recorder(key: String?, state: [String: JSONValue] = [:]) -> Recorder {
        let watch = watch
        let recorder = Recorder(claimed, running: running, store: store, journal: journal, lease: lease) { recorded in
            if let key { watch.record(state.merging(recorded) { _, new in new }, key: key) }
        }
        return recorder
    }

    private func context(
        _ step: PlannedStep, key: String, recorder: Recorder, settings: [String: JSONValue]? = nil, state: [String: JSONValue] = [:]
    ) throws -> StepContext {
        let folder = try ScratchSpace(folder: configuration.scratchFolder).make(key, mustBeThere: !step.isCompensation) {
            recorder.log(.warning, $0)
        }
        var context = StepContext(
            job: claimed.job, tenant: claimed.tenant, plan: plan, step: step, attempt: claimed.run[claimed.step]?.attempts ?? 1,
            key: key, settings: Settings(try settings ?? expressions.settings(of: step), origin: "step \(step.id)"),
            outputs: expressions.outputs, checkpoint: claimed.checkpoint, undoState: state, catalog: catalog,
            secrets: configuration.secrets(for: claimed.trust),
            recorder: recorder, scratchFolder: folder)
        context.neverFreeze = configuration.neverFreeze
        return context
    }
}
