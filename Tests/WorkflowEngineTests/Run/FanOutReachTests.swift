import Basics
import FlowModel
import Testing

@testable import WorkflowEngine

/// What one event of a wide job costs, counted in steps that are looked at and rows that are compared, not in time.
@Suite struct FanOutReachTests {
    private func hand(_ count: Int, maxParallel: Int? = nil) -> Hand {
        var hand = Hand(
            RunDefinition(steps: [
                .work("each", forEach: FanOut(items: "${steps.x.items}", maxParallel: maxParallel)), .work("after", after: ["each"]),
            ]))
        hand.start("each")
        hand.send(.expand("each", token: hand.token("each"), members: (0..<count).map { .work(StepID("each[\($0)]")) }))
        return hand
    }

    /// The steps whose rules are asked after the event.
    private func looks(_ event: RunEvent, _ hand: Hand) -> Int {
        var turn = Turn(run: hand.run, now: hand.now, random: 0)
        #expect(turn.apply(event) == nil)
        return turn.affected().steps.count
    }

    @Test(arguments: [10, 1000]) func theEndOfOneMemberConcernsFew(count: Int) {
        var hand = hand(count)
        let start = RunEvent.start("each[3]", by: Claimant(worker: hand.worker, host: "host1"))
        #expect(looks(start, hand) <= 3)
        hand.send(start)
        #expect(looks(.finish("each[3]", token: hand.token("each[3]"), FinishedStep()), hand) <= 3)
        let before = hand.run
        hand.send(.finish("each[3]", token: hand.token("each[3]"), FinishedStep()))
        #expect(hand.run.runs.differences(from: before.runs).count == 1)
    }

    @Test func aWideFanOutEndsAsItDidWhenEverythingWasLookedAt() {
        for maxParallel in [nil, 7] {
            var hand = hand(200, maxParallel: maxParallel)
            while case let claimable = hand.claimable.filter({ $0 != "after" }), !claimable.isEmpty {
                #expect(maxParallel.map { claimable.count <= $0 } ?? true)
                for id in claimable { hand.succeed(id) }
                #expect(hand.run.settledAnew(now: hand.now) == hand.run)
            }
            #expect(hand.state("each") == .succeeded && hand.state("after") == .ready)
            #expect(hand.run["each"]?.outputs["items"]?.arrayValue?.count == 200)
            hand.succeed("after")
            #expect(hand.run.job.outcome == .succeeded)
        }
    }

    @Test func aStepAfterManyIsSkippedAtTheFirstThatFails() {
        let members = (0..<50).map { StepID("m\($0)") }
        var hand = Hand(RunDefinition(steps: members.map { .work($0, attempts: 1) } + [.work("after", after: members)]))
        hand.succeed("m0")
        #expect(hand.state("after") == .pending)
        hand.fail("m1", .permanent)
        #expect(hand.state("after") == .skipped)
    }

    @Test func indicesAreASet() {
        let some = StepIndices([0, 63, 64, 130])
        #expect(Array(some) == [0, 63, 64, 130] && some.count == 4)
        #expect(
            Array(StepIndices(below: 65)) == Array(0..<65) && StepIndices(below: 0).isEmpty && Array(StepIndices(below: 64)).count == 64)
        #expect(Array(some.subtracting(StepIndices([63, 500]))) == [0, 64, 130])
        #expect(Array(some.intersection(StepIndices([64]))) == [64] && some.isDisjoint(with: StepIndices([1, 65])))
        #expect(Array(StepIndices([1]).union(some)) == [0, 1, 63, 64, 130])
        var less = some
        less.remove(63)
        less.remove(900)
        #expect(!less.contains(63) && !less.contains(900) && less.contains(130))
    }

    @Test func aTableKnowsItsStatesAndWhereItDiffers() {
        var table = StepTable((0..<100).map { StepRun(id: StepID("s\($0)")) })
        let before = table
        table[40].state = .ready
        table[70].state = .ready
        table[70].state = .succeeded
        table.append(StepRun(id: "new"))
        #expect(Array(table.ready) == [40] && !table.open.contains(70) && table.pending.count == 99)
        #expect(table.differences(from: before) == [40, 70, 100] && Array(table.changed) == [40, 70, 100])
        #expect(before.pending.count == 100 && before[40].state == .pending && table != before)
    }
}
