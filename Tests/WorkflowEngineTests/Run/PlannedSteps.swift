import Basics
import FlowModel

@testable import WorkflowEngine

/// Short spellings for plans in tests.
extension PlannedStep {
    static func work(
        _ id: StepID, after: [StepID] = [], reason: Dependency.Reason = .order, attempts: Int = 3, continueOnError: Bool = false,
        timeout: TimeSpan? = nil, undoneBy: StepID? = nil, window: String? = nil, forEach: FanOut? = nil
    ) -> PlannedStep {
        PlannedStep(
            id: id, verb: "exec", after: after.map { Dependency(step: $0, reason: reason) }, forEach: forEach, timeout: timeout,
            retry: RetryPolicy(attempts: attempts, backoff: .seconds(2), maxBackoff: .seconds(8)), continueOnError: continueOnError,
            window: window, undoneBy: undoneBy)
    }

    static func undo(_ id: StepID, of acquirer: StepID, after guarded: [StepID], window: String? = nil) -> PlannedStep {
        PlannedStep(
            id: id, verb: "release", after: guarded.map { Dependency(step: $0, reason: .guarded) }, retry: .withoutEnd, workClass: .undo,
            window: window, undoes: acquirer)
    }
}

extension RunDefinition {
    /// quiesce -> snapshot, then a copy and a verify; the thaw and the release as a compiler would insert them.
    static func backup(maxHold: TimeSpan = .seconds(30), attempts: Int = 3) -> RunDefinition {
        RunDefinition(
            steps: [
                .work("quiesce", attempts: attempts, undoneBy: "thaw", window: "w"),
                .work("snapshot", after: ["quiesce"], attempts: attempts, undoneBy: "release", window: "w"),
                .undo("thaw", of: "quiesce", after: ["quiesce", "snapshot"], window: "w"),
                PlannedStep(
                    id: "copy", verb: "copy",
                    after: [Dependency(step: "quiesce", reason: .window), Dependency(step: "snapshot", reason: .output)]),
                .undo("release", of: "snapshot", after: ["snapshot", "copy"]),
                .work("verify", after: ["copy"], reason: .output),
            ],
            windows: [PlannedWindow(id: "w", members: ["quiesce", "snapshot"], thaws: ["thaw"], maxHold: maxHold)])
    }
}

/// Drives one run by hand: a clock, one worker, and the tokens it was given.
struct Hand {
    var run: JobRun
    var now = Instant(microseconds: 1_000_000)
    var log: [RunAction] = []
    let worker = WorkerID(rawValue: "w1")

    init(_ definition: RunDefinition, deadline: TimeSpan? = nil) {
        run = JobRun(definition, createdAt: now, deadline: deadline.map { Instant(microseconds: 1_000_000) + $0 })
        send(.begin)
    }

    @discardableResult
    mutating func send(_ event: RunEvent) -> [RunAction] {
        let actions = run.handle(event, now: now, random: 0.5)
        log += actions
        return actions
    }

    mutating func pass(_ span: TimeSpan) { now = now + span }

    @discardableResult
    mutating func start(_ id: StepID, worker: WorkerID? = nil, onHost: Bool = false) -> [RunAction] {
        send(.start(id, by: Claimant(worker: worker ?? self.worker, host: "host1", acquiresOnHost: onHost)))
    }

    func token(_ id: StepID) -> Int64 { run[id]?.token ?? -1 }

    @discardableResult
    mutating func succeed(_ id: StepID, _ finished: FinishedStep = FinishedStep()) -> [RunAction] {
        start(id)
        return send(.finish(id, token: token(id), finished))
    }

    @discardableResult
    mutating func fail(_ id: StepID, _ retry: Retryability) -> [RunAction] {
        start(id)
        return failRunning(id, retry)
    }

    @discardableResult
    mutating func failRunning(_ id: StepID, _ retry: Retryability) -> [RunAction] {
        send(.fail(id, token: token(id), .test(retry)))
    }

    var claimable: [StepID] { run.claimable(now: now) }
    func state(_ id: StepID) -> StepState? { run[id]?.state }
}

extension Explanation {
    static func test(_ retry: Retryability) -> Explanation {
        Explanation(.failed, expected: "success", found: "a test's failure", at: "test", retry: retry)
    }
}

extension [RunAction] {
    func events(_ kind: JournalEntry.Kind) -> Int {
        count { if case .event(let entry) = $0 { entry.kind == kind } else { false } }
    }
}
