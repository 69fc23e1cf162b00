import Basics
import FlowModel
import PostgreSQL
import Rigs
import StepKit
import Synchronization
import Testing

@testable import WorkflowEngine

@Suite struct StoreLeaseTests {
    /// As when its heartbeats stop.
    private func lapse(_ worker: WorkerID, _ hand: StoreHand) async throws {
        try await hand.execute("UPDATE workers SET lease_until = now() - interval '1 second' WHERE id = '\(worker)'")
    }

    @Test func aStepOfADeadWorkerGoesToAnotherAndTheLateWriteChangesNothing() async throws {
        let hand = try await StoreHand.start()
        let dead = try await hand.register("dead")
        let next = try await hand.register("next")
        let job = try await hand.submit([.work("copy")])
        let stale = try #require(try await hand.claim(dead).first)
        #expect(try await hand.store.lostWork(limit: 10) == [])
        try await lapse(dead, hand)
        #expect(try await hand.store.lostWork(limit: 10) == [LostWork(worker: dead, job: job)])
        let other = try await hand.another()
        #expect(try await other.store.apply(.workerLost(dead), to: job).refusal == nil)
        #expect(try await hand.store.apply(.workerLost(dead), to: job).refusal == .nothingToDo)
        #expect(try await hand.store.heartbeat(dead, lease: .seconds(60)) == nil)
        let taken = try #require(try await other.claim(next).first)
        #expect(taken.token > stale.token)
        // The old store still remembers the old run: its writes are refused by the version, then by the machine.
        let before = try await hand.stored(job)
        #expect(try await hand.finish(stale, FinishedStep(outputs: ["late": true])).refusal == .staleToken)
        await #expect { try await hand.store.saveCheckpoint(["at": 1], job: job, step: "copy", token: stale.token) } throws: {
            ($0 as? StepError)?.kind == .leaseLost
        }
        #expect(try await hand.stored(job) == before)
        #expect(try await hand.count("checkpoints") == 0)
        try await other.finish(taken)
        #expect(try await hand.stored(job).job.outcome == .succeeded)
        #expect(try await hand.stored(job)["copy"]?.failures == 0)
        #expect(try await hand.count("attempts WHERE outcome = 'lost'") == 1)
        #expect(try await hand.store.lostWork(limit: 10) == [])
    }

    /// Not the machine but the statement itself refuses: a decision on the right version with a token that is not the live one.
    @Test func theStatementChangesNothingWithoutTheLiveToken() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("a")])
        let claimed = try #require(try await hand.claim(worker).first)
        var after = claimed.run
        let actions = after.handle(.finish("a", token: claimed.token, FinishedStep()), now: Instant(microseconds: 0), random: 0)
        func write(_ token: Int64) async throws -> [JobID] {
            let transition = try Transition(
                job: job, from: claimed.run, to: after, actions: actions, tokens: [LiveToken(step: "a", token: token)], limits: [:],
                now: try await hand.store.now())
            return try await hand.store.write([transition.json], on: nil)
        }
        #expect(try await write(claimed.token + 1) == [])
        #expect(try await hand.stored(job) == claimed.run)
        #expect(try await write(claimed.token) == [job])
    }

    @Test func aRetiredWorkersStepsAreGivenToOthers() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("a")])
        _ = try await hand.claim(worker)
        try await hand.store.retire(worker)
        #expect(try await hand.store.heartbeat(worker, lease: .seconds(1)) == nil)
        #expect(try await hand.claim(worker).isEmpty)
        #expect(try await hand.store.lostWork(limit: 10).map(\.job) == [job])
    }

    @Test func cancelReachesTheRunningWorkerWithItsHeartbeat() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let job = try await hand.submit([.work("a")])
        let claimed = try #require(try await hand.claim(worker).first)
        #expect(try await hand.store.heartbeat(worker, lease: .seconds(60))?.stops == [])
        let other = try await hand.another()
        _ = try await other.store.apply(.cancel(by: "somebody"), to: job)
        let stops = try await hand.store.heartbeat(worker, lease: .seconds(60))?.stops
        #expect(stops == [.init(job: job, step: "a", token: claimed.token, reason: .cancelled)])
        #expect(try await hand.store.apply(.stopped("a", token: claimed.token), to: job).refusal == nil)
        #expect(try await hand.stored(job).job.outcome == .cancelled)
        #expect(try await hand.store.heartbeat(worker, lease: .seconds(60))?.stops == [])
    }

    @Test func twoWritersOfOneJobBothGetThrough() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w")
        let steps = (0..<20).map { PlannedStep.work(StepID("s\($0)")) }
        let job = try await hand.submit(steps)
        var claimed: [ClaimedStep] = []
        while claimed.count < 20 { claimed += try await hand.claim(worker, limit: 20) }
        let other = try await hand.another()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, step) in claimed.enumerated() {
                group.addTask { try await (index % 2 == 0 ? hand : other).finish(step) }
            }
            try await group.waitForAll()
        }
        let run = try await hand.stored(job)
        #expect(run.job.outcome == .succeeded)
        #expect(try await hand.count("events WHERE kind = 'stepSucceeded'") == 20)
        #expect(try await hand.count("events WHERE kind = 'jobEnded'") == 1)
    }

    @Test func aCheckpointIsFoundByTheNextAttempt() async throws {
        let hand = try await StoreHand.start()
        let first = try await hand.register("first")
        let second = try await hand.register("second")
        let job = try await hand.submit([.work("copy")])
        let claimed = try #require(try await hand.claim(first).first)
        #expect(claimed.checkpoint == nil)
        try await hand.store.saveCheckpoint(["packs": 3], job: job, step: "copy", token: claimed.token)
        try await hand.store.saveCheckpoint(["packs": 4], job: job, step: "copy", token: claimed.token)
        try await hand.store.saveProgress([
            ProgressReport(job: job, step: "copy", token: claimed.token, progress: StepProgress(bytesDone: 5)),
            ProgressReport(job: job, step: "copy", token: claimed.token + 7, progress: StepProgress(bytesDone: 9)),
        ])
        _ = try await hand.store.apply(.lost("copy", token: claimed.token), to: job)
        #expect(try await hand.claim(second).first?.checkpoint == ["packs": 4])
    }

    @Test func timeIsLookedUpWhenItIsDue() async throws {
        let hand = try await StoreHand.start()
        #expect(try await hand.store.untilNextDue() == nil)
        let job = try await hand.submit([.work("a")], deadline: .seconds(3600))
        let due = try #require(try await hand.store.untilNextDue())
        #expect(due > .seconds(3590) && due <= .seconds(3600))
        #expect(try await hand.store.dueJobs(limit: 10) == [])
        try await hand.execute("UPDATE jobs SET tick_at = now() - interval '1 second', deadline = now() - interval '1 second'")
        let other = try await hand.another()
        #expect(try await other.store.dueJobs(limit: 10) == [job])
        #expect(try await other.store.apply(.tick, to: job).refusal == nil)
        #expect(try await other.stored(job).job.outcome == .failed)
        #expect(try await other.store.dueJobs(limit: 10) == [])
    }

    @Test func notificationsReachTheOthers() async throws {
        let hand = try await StoreHand.start()
        let other = try await hand.another()
        var stream = hand.store.notifications(except: WorkerID(rawValue: "own")).makeAsyncIterator()
        // The first says that listening has begun.
        let begun: Void? = await stream.next()
        #expect(begun != nil)
        for _ in 0..<3 {
            try await other.store.notify()
            let heard: Void? = await stream.next()
            #expect(heard != nil)
        }
    }

    /// Who has told it need not be told, and who follows one job hears of that one alone.
    @Test func notificationsReachWhomTheyConcern() async throws {
        let hand = try await StoreHand.start()
        let other = try await hand.another()
        let (mine, others) = (JobID.make(milliseconds: 1), JobID.make(milliseconds: 2))
        let work = Mutex(0)
        let heard = Mutex(0)
        let listening = Task { for await _ in hand.store.notifications(except: WorkerID(rawValue: "own")) { work.withLock { $0 += 1 } } }
        let following = Task { for await _ in hand.store.endings(of: mine) { heard.withLock { $0 += 1 } } }
        defer {
            listening.cancel()
            following.cancel()
        }
        // The first says that listening has begun.
        try await eventually("listening has begun") { work.withLock { $0 } == 1 }
        try await eventually("it follows its job", every: .milliseconds(20)) {
            if heard.withLock({ $0 }) > 2 { return true }
            try await other.store.notify(by: WorkerID(rawValue: "own"), ended: [others, mine])
            try await other.store.notify(by: nil, ended: [others])
            return false
        }
        #expect(work.withLock { $0 } == 1)
        try await other.store.notify(by: WorkerID(rawValue: "somebody"), ended: [])
        try await eventually("it is told") { work.withLock { $0 } == 2 }
    }
}
