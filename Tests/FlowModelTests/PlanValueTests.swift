import Basics
import FlowModel
import Testing

@Suite struct PlanValueTests {
    @Test func backoffGrowsToItsLimitAndIsHalfJitter() {
        let policy = RetryPolicy(attempts: 9, backoff: .seconds(2), maxBackoff: .seconds(10), factor: 2)
        #expect([1, 2, 3, 4, 400].map { policy.delay(afterAttempt: $0, random: 1).milliseconds } == [2000, 4000, 8000, 10_000, 10_000])
        #expect([1, 2, 3, 4, 400].map { policy.delay(afterAttempt: $0, random: 0).milliseconds } == [1000, 2000, 4000, 5000, 5000])
        #expect(policy.delay(afterAttempt: 0, random: 1) == .seconds(2))
        #expect(RetryPolicy(factor: 1).delay(afterAttempt: 1000, random: 1) == .seconds(2))
    }

    @Test func jobIDsSortByTime() {
        let ids = [0, 1, 1_700_000_000_000, 1_700_000_000_001, (1 << 48) - 1].map { JobID.make(milliseconds: $0) }
        #expect(ids == ids.sorted())
        for id in ids {
            #expect(id.rawValue.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
        #expect(JobID.make(milliseconds: 5) != JobID.make(milliseconds: 5))
        #expect(JobID.make(milliseconds: 0x0123_4567_89AB).rawValue.hasPrefix("01234567-89ab-7"))
    }

    @Test func aPlanSurvivesItsJSON() throws {
        let plan = Plan(
            pipeline: "p", labels: ["a": "b"], parameters: ["x": PlannedParameter(type: "integer", defaultValue: 1)],
            systems: ["s": PlannedSystem(type: "t", contractVersion: 2, settings: ["n": .int(1 << 60)], identity: "t:s", host: "h")],
            repositories: [
                "r": PlannedRepository(
                    type: "local", contractVersion: 1, settings: [:], identity: "local:/r", password: .environment("P"), create: false,
                    access: ["retryFor": "1h"])
            ],
            limits: ["array": 3],
            steps: [
                PlannedStep(
                    id: "snapshot-s", verb: "snapshot", subject: .systems(["s"]), window: "w",
                    holds: [Hold(resource: "system/t:s", mode: .exclusive)],
                    undoneBy: "release-s"),
                PlannedStep(
                    id: "copy-s[a]", verb: "copy", subject: .systems(["s"]), settings: ["to": "r"],
                    after: [Dependency(step: "snapshot-s", reason: .output)],
                    when: "${true}", forEach: FanOut(items: [1, "a"], maxParallel: 2), timeout: .hours(2), continueOnError: true,
                    runOn: ["l": "v"],
                    priority: 3, secrets: [.file("/p")], snapshots: ["s": "snapshot-s"], item: ["name": "a"]),
                PlannedStep(
                    id: "release-s", verb: "release", subject: .step("copy-s[a]"), retry: .withoutEnd, workClass: .undo,
                    undoes: "snapshot-s"),
                PlannedStep(id: "prune-r", verb: "prune", subject: .repository("r"), workClass: .prune),
                PlannedStep(id: "restore-latest", verb: "restore", subject: .snapshot("latest"), workClass: .restore),
            ],
            windows: [PlannedWindow(id: "w", members: ["snapshot-s"], thaws: [], maxHold: .milliseconds(1500))],
            schedule: ["cron": "* * * * *"])
        let json = try JSONValue(encoding: plan)
        #expect(try json.decoded(as: Plan.self) == plan)
        #expect(try JSONValue(parsing: json.canonicalBytes) == json)
        #expect(plan.step("prune-r")?.subject == .repository("r"))
        #expect(plan.step("none") == nil)
        #expect(plan.steps.map(\.isCompensation) == [false, false, true, false, false])
    }

    @Test func undoGoesFirst() {
        #expect(WorkClass.allCases.sorted() == [.undo, .window, .restore, .backup, .verify, .prune])
        #expect(StepState.allCases.filter(\.isTerminal) == [.succeeded, .failed, .skipped, .cancelled])
    }
}
