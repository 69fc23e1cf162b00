import Basics
import FlowModel
import StepKit
import Testing

@testable import WorkflowEngine

/// A thaw that finds that its freeze had not lasted: nothing is frozen, and what was snapshotted is void.
@Suite struct LostFreezeTests {
    private let lost = FinishedStep(
        failure: Explanation(
            .windowVoid, expected: "the freeze to last", found: "its session is lost", at: "thaw",
            retry: .transient))

    /// As the compiler makes it for a system whose thaw returns a part of the copy.
    private func backup(attempts: Int) -> RunDefinition {
        var definition = RunDefinition.backup(attempts: attempts)
        definition.steps[3].after.append(Dependency(step: "thaw", reason: .window))
        return definition
    }

    @Test func theWindowIsTakenAnew() {
        var hand = Hand(backup(attempts: 3))
        hand.succeed("quiesce")
        hand.succeed("snapshot")
        #expect(hand.claimable == ["thaw"])
        hand.succeed("thaw", lost)
        #expect(hand.run.window("w")?.phase == .discarding)
        #expect(hand.log.events(.windowDiscarded) == 1)
        // The void snapshot is released first.
        #expect(hand.claimable == ["release"])
        hand.succeed("release")
        hand.pass(.minutes(1))
        #expect(hand.claimable == ["quiesce"])
        for step in ["quiesce", "snapshot", "thaw", "copy", "verify", "release"] as [StepID] { hand.succeed(step) }
        #expect(hand.run.hasEnded)
        #expect(hand.run.job.outcome == .succeeded)
        #expect(hand.run.job.cleanup == .clean)
    }

    @Test func tooManyLossesFailTheJobAndLeaveNothing() {
        var hand = Hand(backup(attempts: 2))
        for _ in 0..<2 {
            hand.succeed("quiesce")
            hand.succeed("snapshot")
            hand.succeed("thaw", lost)
            hand.succeed("release")
            hand.pass(.minutes(1))
        }
        #expect(hand.run.job.outcome == .failed)
        #expect(hand.run.hasEnded)
        #expect(hand.run.job.cleanup == .clean)
        #expect(hand.state("copy") == .skipped)
    }
}
