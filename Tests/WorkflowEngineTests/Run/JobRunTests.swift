import Basics
import FlowModel
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct JobRunTests {
    @Test func aBackupRunsInOrderAndEndsClean() {
        var hand = Hand(.backup())
        #expect(hand.claimable == ["quiesce"])
        hand.succeed("quiesce")
        #expect(hand.run.job.cleanup == .pending)
        hand.succeed("snapshot")
        #expect(hand.claimable == ["thaw", "copy"])
        hand.succeed("thaw")
        hand.succeed("copy")
        #expect(hand.claimable == ["release", "verify"])
        hand.succeed("verify")
        #expect(hand.run.job.outcome == .succeeded)
        #expect(!hand.run.hasEnded)
        hand.succeed("release")
        #expect(hand.run.hasEnded)
        #expect(hand.run.job.cleanup == .clean)
        #expect(hand.log.events(.jobEnded) == 1)
    }

    @Test func transientFailuresAreRetriedWithBackoffAndPermanentOnesAreNot() {
        var hand = Hand(RunDefinition(steps: [.work("a", attempts: 2), .work("b", after: ["a"]), .work("c", attempts: 2)]))
        hand.fail("a", .transient)
        #expect(hand.run["a"]?.notBefore == hand.now + .milliseconds(1500))
        #expect(hand.start("a") == [.refused(.notReady)])
        hand.pass(.seconds(2))
        hand.fail("a", .transient)
        #expect(hand.state("a") == .failed)
        #expect(hand.run["b"]?.skipped == .upstream)
        hand.fail("c", .permanent)
        #expect(hand.state("c") == .failed)
        #expect(hand.run.job.outcome == .failed)
        #expect(hand.run["a"]?.attempts == 2)
    }

    @Test func anErrorThatSaysWhenIsHeard() {
        var hand = Hand(RunDefinition(steps: [.work("a")]))
        hand.start("a")
        var failure = Explanation.test(.transient)
        failure.retryAfter = .minutes(3)
        hand.send(.fail("a", token: hand.token("a"), failure))
        #expect(hand.run["a"]?.notBefore == hand.now + .minutes(3))
    }

    @Test func aLostLeaseBurnsNoTry() {
        var hand = Hand(RunDefinition(steps: [.work("a", attempts: 1)]))
        for _ in 0..<5 {
            hand.start("a")
            hand.send(.lost("a", token: hand.token("a")))
            #expect(hand.state("a") == .ready)
        }
        hand.succeed("a")
        #expect(hand.run.job.outcome == .succeeded)
        #expect(hand.run["a"]?.attempts == 6)
        #expect(hand.run["a"]?.token == 6)
    }

    @Test func anOldTokenChangesNothing() {
        var hand = Hand(RunDefinition(steps: [.work("a")]))
        hand.start("a")
        let old = hand.token("a")
        hand.send(.lost("a", token: old))
        hand.start("a", worker: WorkerID(rawValue: "w2"))
        let before = hand.run
        for event in [
            RunEvent.finish("a", token: old, FinishedStep()), .fail("a", token: old, .test(.permanent)), .stopped("a", token: old),
            .lost("a", token: old), .recordUndo("a", token: old, state: ["x": 1]), .wait("a", token: old, until: nil),
        ] {
            #expect(hand.send(event) == [.refused(.staleToken)])
        }
        #expect(hand.run == before)
    }

    @Test func aTolerableFailureMakesTheJobPartial() {
        var hand = Hand(
            RunDefinition(steps: [
                .work("a", continueOnError: true), .work("user", after: ["a"], reason: .output), .work("next", after: ["user"]),
            ]))
        hand.fail("a", .permanent)
        #expect(hand.run["user"]?.skipped == .upstreamTolerated)
        hand.succeed("next")
        #expect(hand.run.job.outcome == .partial)
    }

    @Test func missedFilesMakeTheJobPartial() {
        var hand = Hand(RunDefinition(steps: [.work("a")]))
        hand.succeed("a", FinishedStep(missed: ["/srv/unreadable"]))
        #expect(hand.run.job.outcome == .partial)
    }

    @Test func aFalseConditionSkipsTheStepAndWhatFollowsGoesOn() {
        var hand = Hand(
            RunDefinition(steps: [.work("a", undoneBy: "drop"), .undo("drop", of: "a", after: ["a"]), .work("b", after: ["a"])]))
        hand.start("a")
        hand.send(.conditionFalse("a", token: hand.token("a")))
        #expect(hand.run["a"]?.skipped == .condition)
        #expect(hand.run["drop"]?.skipped == .neverArmed)
        hand.succeed("b")
        #expect(hand.run.job.outcome == .succeeded)
    }

    @Test func anAttemptThatTakesTooLongIsStoppedAndRetried() {
        var hand = Hand(RunDefinition(steps: [.work("a", timeout: .seconds(5))]))
        hand.start("a")
        #expect(hand.run.nextTick == hand.now + .seconds(5))
        hand.pass(.seconds(6))
        #expect(hand.send(.tick).contains(.stopBody("a", token: 1, .timedOut)))
        let actions = hand.send(.stopped("a", token: 1))
        #expect(actions.contains { if case .attemptClosed("a", 1, .timedOut, _) = $0 { true } else { false } })
        #expect(hand.state("a") == .ready)
        #expect(hand.run["a"]?.failures == 1)
    }

    @Test func theSameRunComesBackFromJSON() throws {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.start("snapshot")
        let json = try JSONValue(encoding: hand.run)
        #expect(try json.decoded(as: JobRun.self) == hand.run)
        let rows = JobRun(definition: hand.run.definition, job: hand.run.job, steps: hand.run.steps.reversed(), windows: hand.run.windows)
        #expect(rows == hand.run)
    }
}

@Suite struct JobRunWaitingTests {
    @Test func anApprovalEndsTheWait() {
        var hand = Hand(RunDefinition(steps: [.work("approve"), .work("next", after: ["approve"])]))
        hand.start("approve")
        hand.send(.wait("approve", token: 1, until: nil))
        #expect(hand.state("approve") == .waiting)
        #expect(hand.send(.finish("approve", token: 1, FinishedStep())) == [.refused(.staleToken)])
        hand.send(.signal("approve", StepSignal(isGood: true, by: "ann", outputs: ["by": "ann"])))
        #expect(hand.run["approve"]?.outputs == ["by": "ann"])
        #expect(hand.claimable == ["next"])
    }

    @Test func onlyThoseWhomTheStepNamesMayAnswer() {
        var approve = PlannedStep.work("approve")
        approve.settings["by"] = ["ann", "operators"]
        var hand = Hand(RunDefinition(steps: [approve]))
        hand.start("approve")
        hand.send(.wait("approve", token: 1, until: nil))
        #expect(hand.send(.signal("approve", StepSignal(isGood: true, by: "bob"))) == [.refused(.notAllowed)])
        #expect(hand.send(.signal("approve", StepSignal(isGood: true, by: "bob", groups: ["users"]))) == [.refused(.notAllowed)])
        #expect(hand.state("approve") == .waiting)
        hand.send(.signal("approve", StepSignal(isGood: true, by: "bob", groups: ["users", "operators"])))
        #expect(hand.state("approve") == .succeeded)
    }

    @Test func aSignalThatComesEarlyIsKeptAndTheFirstCounts() {
        var hand = Hand(RunDefinition(steps: [.work("approve")]))
        hand.send(.signal("approve", StepSignal(isGood: true, by: "ann")))
        #expect(hand.send(.signal("approve", StepSignal(isGood: false, by: "bob"))) == [.refused(.nothingToDo)])
        hand.start("approve")
        hand.send(.wait("approve", token: 1, until: nil))
        #expect(hand.state("approve") == .succeeded)
    }

    @Test func aDenialAndASilenceFail() {
        var hand = Hand(RunDefinition(steps: [.work("a"), .work("b")]))
        for id in ["a", "b"] as [StepID] {
            hand.start(id)
            hand.send(.wait(id, token: hand.token(id), until: hand.now + .seconds(10)))
        }
        hand.send(.signal("a", StepSignal(isGood: false, by: "bob")))
        #expect(hand.run["a"]?.error?.code == "denied")
        hand.pass(.seconds(11))
        hand.send(.tick)
        #expect(hand.run["b"]?.error?.code == "timed-out")
        #expect(hand.run.job.outcome == .failed)
    }
}

@Suite struct JobRunFanOutTests {
    private func expand(_ hand: inout Hand, count: Int) {
        hand.start("each")
        hand.send(.expand("each", token: hand.token("each"), members: (0..<count).map { .work(StepID("each[\($0)]")) }))
    }

    private func definition(maxParallel: Int? = nil) -> RunDefinition {
        RunDefinition(steps: [.work("each", forEach: FanOut(items: "${x}", maxParallel: maxParallel)), .work("next", after: ["each"])])
    }

    @Test func theGroupEndsWhenItsMembersHave() {
        var hand = Hand(definition())
        expand(&hand, count: 2)
        #expect(hand.claimable == ["each[0]", "each[1]"])
        hand.succeed("each[1]", FinishedStep(outputs: ["n": 1]))
        #expect(hand.state("next") == .pending)
        hand.succeed("each[0]", FinishedStep(outputs: ["n": 0]))
        #expect(hand.run["each"]?.outputs == ["items": [["n": 0], ["n": 1]]])
        #expect(hand.claimable == ["next"])
    }

    @Test func noItemsIsASuccess() {
        var hand = Hand(definition())
        expand(&hand, count: 0)
        #expect(hand.claimable == ["next"])
    }

    @Test func atMostSoManyAtOnce() {
        var hand = Hand(definition(maxParallel: 2))
        expand(&hand, count: 4)
        #expect(hand.claimable == ["each[0]", "each[1]"])
        hand.succeed("each[0]")
        #expect(hand.claimable == ["each[1]", "each[2]"])
    }

    @Test func aRetryRunsOnlyTheMembersThatFailed() {
        var hand = Hand(definition())
        expand(&hand, count: 2)
        hand.succeed("each[0]")
        hand.fail("each[1]", .permanent)
        #expect(hand.run.job.outcome == .failed)
        hand.send(.retryJob(by: "ann"))
        #expect(hand.claimable == ["each[1]"])
        hand.succeed("each[1]")
        hand.succeed("next")
        #expect(hand.run.job.outcome == .succeeded)
        #expect(hand.log.events(.jobEnded) == 2)
    }
}
