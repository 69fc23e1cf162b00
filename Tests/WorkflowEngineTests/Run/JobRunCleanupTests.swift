import Basics
import FlowModel
import StepKit
import Testing

@testable import WorkflowEngine

/// The rules of cleanup, each with a bug report of another engine behind it.
@Suite struct JobRunCleanupTests {
    @Test func anUndoIsArmedWhenItsStepStartsNotWhenItSucceeds() {
        var hand = Hand(.backup())
        let actions = hand.start("quiesce")
        #expect(actions.contains(.armed("thaw", generation: 1)))
        #expect(hand.run["thaw"]?.armed?.generation == 1)
    }

    @Test(arguments: ["fail", "cancel", "lost", "timeout", "deadline"]) func theThawRunsHoweverTheStepEnds(how: String) {
        var hand = Hand(.backup(attempts: 1), deadline: .seconds(10))
        hand.succeed("quiesce")
        hand.start("snapshot")
        let token = hand.token("snapshot")
        switch how {
        case "fail": hand.send(.fail("snapshot", token: token, .test(.permanent)))
        case "cancel":
            hand.send(.cancel(by: "ann"))
            hand.send(.stopped("snapshot", token: token))
        case "lost": hand.send(.workerLost(hand.worker))
        case "deadline":
            hand.pass(.seconds(10))
            hand.send(.tick)
            hand.send(.stopped("snapshot", token: token))
        default:
            hand.send(.maxHoldPassed(window: "w", by: hand.worker))
            hand.send(.stopped("snapshot", token: token))
        }
        #expect(hand.claimable.first == "thaw")
    }

    @Test func anUndoIsNeverCancelledAndRetriedWithoutEnd() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.send(.cancel(by: "ann"))
        #expect(hand.send(.cancel(by: "ann")) == [.refused(.nothingToDo)])
        for attempt in 1...6 {
            hand.fail("thaw", .permanent)
            #expect(hand.state("thaw") == .ready)
            #expect(hand.run.job.cleanup == (attempt < 3 ? .pending : .failed))
            hand.pass(.minutes(2))
        }
        #expect(hand.log.events(.cleanupFailed) == 1)
        #expect(hand.run.job.outcome == .cancelled)
        #expect(!hand.run.hasEnded)
        hand.succeed("thaw")
        #expect(hand.run.hasEnded)
        #expect(hand.run.job.cleanup == .clean)
        #expect(hand.log.events(.cleanupRecovered) == 1)
    }

    @Test func whatCannotBeUndoneIsGivenUpByAPersonOnly() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        // Not while work is under way: the undo of what is in use is nobody's to give up.
        #expect(hand.send(.abandon(nil, by: "ann")) == [.refused(.stillWorking)])
        hand.send(.cancel(by: "ann"))
        for _ in 1...4 {
            hand.fail("thaw", .permanent)
            hand.pass(.minutes(2))
        }
        #expect(hand.run.job.cleanup == .failed && !hand.run.hasEnded)
        #expect(hand.send(.abandon("copy", by: "ann")) == [.refused(.nothingToDo)])
        #expect(hand.send(.abandon("nobody", by: "ann")) == [.refused(.unknownStep)])
        // By the step that it undoes; what waited for the thaw goes on, and is not given up with it.
        let actions = hand.send(.abandon("quiesce", by: "ann"))
        #expect(actions.contains(.disarmed("thaw", generation: 1)))
        #expect(hand.state("thaw") == .skipped && hand.run["thaw"]?.skipped == .abandoned)
        #expect(hand.claimable == ["release"] && hand.run.job.cleanup == .pending)
        hand.succeed("release")
        #expect(hand.run.hasEnded && hand.run.job.cleanup == .abandoned && hand.run.job.outcome == .cancelled)
        #expect(hand.log.events(.abandoned) == 1 && hand.log.events(.cleanupRecovered) == 0)
        #expect(hand.send(.abandon(nil, by: "ann")) == [.refused(.nothingToDo)])
    }

    /// An undo that hangs can be given up too: its body is told to stop, and what it reports later is not taken.
    @Test func anUndoThatHangsCanBeGivenUp() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.send(.cancel(by: "ann"))
        hand.start("thaw")
        let token = hand.token("thaw")
        let actions = hand.send(.abandon(nil, by: "ann"))
        #expect(actions.contains(.stopBody("thaw", token: token, .cancelled)))
        #expect(hand.run.hasEnded && hand.run.job.cleanup == .abandoned)
        #expect(hand.send(.finish("thaw", token: token, FinishedStep())) == [.refused(.staleToken)])
    }

    /// What only the readers of a base needed is given back, though the base itself stays.
    @Test(arguments: [false, true]) func theUndoOfABaseRunsWhereItHoldsMore(_ retires: Bool) {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        hand.succeed("thaw")
        let base = Base(
            systemIdentity: "s", repositoryID: "r", snapshotID: "1", snapshot: SystemSnapshot(key: "k"), acquiredBy: "snapshot",
            retires: retires)
        hand.start("copy")
        hand.send(.finish("copy", token: hand.token("copy"), FinishedStep(bases: [base])))
        while let step = hand.claimable.first(where: { $0 != "release" }) { hand.succeed(step) }
        #expect(hand.run["release"]?.armed?.kept == (retires ? ["k"] : nil))
        #expect(hand.claimable == (retires ? ["release"] : []))
        if retires { hand.succeed("release") }
        #expect(hand.run.hasEnded && hand.run.job.cleanup == .clean)
    }

    @Test func aRetryOfTheJobHurriesAnUndoThatWaits() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.send(.cancel(by: "ann"))
        hand.fail("thaw", .transient)
        #expect(hand.claimable.isEmpty)
        hand.send(.retryJob(by: "ann"))
        #expect(hand.claimable == ["thaw"])
    }

    @Test func theReleaseWaitsForRunningCopies() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        hand.start("copy")
        hand.succeed("thaw")
        hand.send(.cancel(by: "ann"))
        #expect(hand.state("copy") == .running)
        #expect(hand.claimable.isEmpty)
        hand.send(.stopped("copy", token: hand.token("copy")))
        #expect(hand.claimable == ["release"])
    }

    @Test func whatIsFrozenIsThawedBeforeAnythingIsReleased() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.start("snapshot")
        hand.send(.cancel(by: "ann"))
        hand.send(.stopped("snapshot", token: hand.token("snapshot")))
        #expect(hand.claimable == ["thaw"])
        hand.succeed("thaw")
        #expect(hand.claimable == ["release"])
    }

    @Test func thawsRunInReverseOrder() {
        var hand = Hand(
            RunDefinition(
                steps: [
                    .work("q1", undoneBy: "t1", window: "w"), .work("q2", after: ["q1"], undoneBy: "t2", window: "w"),
                    .undo("t1", of: "q1", after: ["q1", "q2"], window: "w"), .undo("t2", of: "q2", after: ["q1", "q2"], window: "w"),
                ], windows: [PlannedWindow(id: "w", members: ["q1", "q2"], thaws: ["t1", "t2"], maxHold: .seconds(30))]))
        hand.succeed("q1")
        hand.succeed("q2")
        #expect(hand.claimable == ["t2"])
        hand.succeed("t2")
        #expect(hand.claimable == ["t1"])
    }

    @Test func whatTheStepRecordedReachesTheUndo() {
        var hand = Hand(.backup())
        hand.start("quiesce")
        hand.send(.recordUndo("quiesce", token: 1, state: ["label": "b1"]))
        hand.send(.recordUndo("quiesce", token: 1, state: ["more": 2]))
        #expect(hand.run["thaw"]?.armed?.state == ["label": "b1", "more": 2])
    }

    @Test func anUndoOfAHostBoundResourceStaysOnItsHost() {
        var hand = Hand(RunDefinition(steps: [.work("a", undoneBy: "drop"), .undo("drop", of: "a", after: ["a"])]))
        hand.start("a", onHost: true)
        hand.send(.finish("a", token: 1, FinishedStep()))
        #expect(hand.run["drop"]?.boundHost == "host1")
        let stranger = Claimant(worker: hand.worker, host: "elsewhere")
        #expect(hand.send(.start("drop", by: stranger)) == [.refused(.notReady)])
    }

    @Test func aSnapshotThatBecameABaseIsKeptAndTheFormerOneReleased() throws {
        var definition = RunDefinition.backup()
        definition.steps[1].systems = ["vol"]
        let snapshot = SystemSnapshot(key: "new")
        let base = Base(systemIdentity: "vol", repositoryID: "r", snapshotID: "s2", snapshot: snapshot, acquiredBy: "snapshot")
        let former = Base(
            systemIdentity: "vol", repositoryID: "r", snapshotID: "s1", snapshot: SystemSnapshot(key: "old"), acquiredBy: "snapshot")

        var first = Hand(definition)
        first.succeed("quiesce")
        first.succeed("snapshot")
        first.succeed("thaw")
        #expect(first.succeed("copy", FinishedStep(bases: [base])).contains(.baseRecorded(base)))
        #expect(first.run["release"]?.skipped == .keptAsBase)
        first.succeed("verify")
        #expect(first.run.hasEnded)

        var second = Hand(definition)
        second.succeed("quiesce")
        second.succeed("snapshot")
        second.succeed("thaw")
        second.succeed("copy", FinishedStep(bases: [base], formerBases: [former]))
        let armed = try #require(second.run["release"]?.armed)
        #expect(!armed.owesOwn && armed.former == [former] && armed.kept == ["new"])
        #expect(second.succeed("release").contains(.baseReleased(former)))
    }
}

@Suite struct JobRunWindowTests {
    @Test func maxHoldWinsThoughAMemberRuns() {
        var hand = Hand(.backup(maxHold: .seconds(10)))
        hand.succeed("quiesce")
        hand.start("snapshot")
        hand.pass(.seconds(10))
        let actions = hand.send(.tick)
        #expect(actions.contains(.stopBody("snapshot", token: hand.token("snapshot"), .windowVoid)))
        #expect(hand.claimable == ["thaw"])
        #expect(hand.state("snapshot") == .running)
        hand.succeed("thaw")
        hand.send(.finish("snapshot", token: hand.token("snapshot"), FinishedStep()))
        #expect(hand.state("snapshot") == .pending)
        #expect(hand.claimable == ["release"])
        hand.succeed("release")
        #expect(hand.run.window("w")?.phase == .idle)
        hand.pass(.seconds(10))
        #expect(hand.claimable == ["quiesce"])
        hand.succeed("quiesce")
        #expect(hand.run["thaw"]?.armed?.generation == 2)
        hand.succeed("snapshot")
        #expect(hand.state("copy") == .ready)
    }

    @Test func aSnapshotReportedAfterTheHoldIsVoidThoughNobodyTicked() {
        var hand = Hand(.backup(maxHold: .seconds(10)))
        hand.succeed("quiesce")
        hand.start("snapshot")
        hand.pass(.seconds(11))
        hand.send(.finish("snapshot", token: hand.token("snapshot"), FinishedStep()))
        #expect(hand.run.window("w")?.phase == .discarding)
        #expect(hand.state("copy") == .pending)
    }

    @Test func theGuardOfAFormerWorkerHasNoSayInTheNextWindow() {
        var hand = Hand(.backup(maxHold: .seconds(10)))
        hand.succeed("quiesce")
        #expect(hand.send(.maxHoldPassed(window: "w", by: WorkerID(rawValue: "former"))) == [.refused(.nothingToDo)])
        #expect(hand.run.window("w")?.phase == .open)
    }

    @Test func aWindowIsGivenUpWhenItsTriesAreUsed() {
        var hand = Hand(.backup(maxHold: .seconds(10), attempts: 1))
        hand.succeed("quiesce")
        hand.start("snapshot")
        hand.send(.maxHoldPassed(window: "w", by: hand.worker))
        hand.send(.stopped("snapshot", token: hand.token("snapshot")))
        #expect(hand.run["snapshot"]?.error?.code == "window-void")
        #expect(hand.run["copy"]?.skipped == .upstream)
        hand.succeed("thaw")
        hand.succeed("release")
        #expect(hand.run.hasEnded)
        #expect(hand.run.job.outcome == .failed)
    }

    @Test func aFreezeThatLandsAfterTheThawIsThawedAgain() {
        var hand = Hand(.backup(maxHold: .seconds(10)))
        hand.start("quiesce")
        hand.pass(.seconds(10))
        hand.send(.tick)
        hand.succeed("thaw")
        #expect(hand.run["thaw"]?.armed != nil)
        #expect(hand.claimable.isEmpty)
        hand.send(.finish("quiesce", token: 1, FinishedStep()))
        #expect(hand.claimable == ["thaw"])
        hand.succeed("thaw")
        #expect(hand.run["thaw"]?.armed == nil)
    }

    @Test func aLostWorkerTakesItsWindowWithItAndBurnsNoTry() {
        var hand = Hand(.backup(attempts: 1))
        hand.succeed("quiesce")
        hand.send(.workerLost(hand.worker))
        #expect(hand.claimable == ["thaw"])
        hand.start("thaw", worker: WorkerID(rawValue: "w2"))
        hand.send(.finish("thaw", token: hand.token("thaw"), FinishedStep()))
        #expect(hand.claimable == ["quiesce"])
        #expect(hand.run.window("w")?.failures == 0)
    }

    @Test func aTransientFailureInAWindowThawsBeforeTheNextTry() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.fail("snapshot", .transient)
        #expect(hand.claimable == ["thaw"])
        hand.succeed("thaw")
        hand.succeed("release")
        #expect(hand.claimable.isEmpty)
        hand.pass(.seconds(2))
        #expect(hand.claimable == ["quiesce"])
    }

    @Test func onlyTheWorkerThatOpenedAWindowRunsItsMembers() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        #expect(hand.start("snapshot", worker: WorkerID(rawValue: "w2")) == [.refused(.notReady)])
        #expect(hand.run["snapshot"]?.boundWorker == hand.worker)
    }

    @Test func aFailedThawAfterTheSealHoldsUpNoCopy() {
        var hand = Hand(.backup(maxHold: .seconds(10)))
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        hand.fail("thaw", .transient)
        hand.pass(.minutes(1))
        hand.send(.tick)
        #expect(hand.run.window("w")?.phase == .sealed)
        hand.succeed("copy")
        #expect(hand.state("copy") == .succeeded)
    }

    @Test func aRetryOfTheJobTakesTheWholeWindowAgainWhenItsSnapshotIsGone() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        hand.succeed("thaw")
        hand.fail("copy", .permanent)
        hand.succeed("release")
        #expect(hand.run.job.outcome == .failed && hand.run.hasEnded)
        hand.send(.retryJob(by: "ann"))
        #expect(hand.claimable == ["quiesce"])
        for id in ["quiesce", "snapshot", "thaw", "copy", "release", "verify"] as [StepID] { hand.succeed(id) }
        #expect(hand.run.job.outcome == .succeeded && hand.run.hasEnded)
        #expect(hand.run["snapshot"]?.generation == 2)
    }

    @Test func aRetryOfTheJobLeavesAloneWhatIsNotNeeded() {
        var hand = Hand(.backup())
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        hand.succeed("thaw")
        hand.succeed("copy")
        hand.succeed("release")
        hand.fail("verify", .permanent)
        hand.send(.retryJob(by: "ann"))
        #expect(hand.claimable == ["verify"])
    }
}
