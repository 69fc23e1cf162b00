import FlowModel
import Basics
import PostgreSQL
import StepKit
import Testing

@testable import WorkflowEngine

@Suite struct StoreLifeTests {
    @Test func aBackupRunsToItsEndThroughTheDatabase() async throws {
        let hand = try await StoreHand.start()
        let worker = try await hand.register("w1")
        let job = try await hand.submit(.backup())
        var order: [StepID] = []
        while case let claimed = try await hand.claim(worker), !claimed.isEmpty {
            for step in claimed {
                order.append(step.step)
                try await hand.finish(step, FinishedStep(outputs: ["from": .string(step.step.rawValue)]))
            }
        }
        #expect(order.first == "quiesce")
        #expect(Set(order) == ["quiesce", "snapshot", "thaw", "copy", "release", "verify"])
        let run = try await hand.stored(job)
        #expect(run.job.outcome == .succeeded)
        #expect(run.job.cleanup == .clean)
        #expect(run.hasEnded)
        #expect(run["copy"]?.outputs == ["from": "copy"])
        #expect(try await hand.count("holds") == 0)
        #expect(try await hand.count("compensations WHERE undone_at IS NOT NULL") == 2)
        #expect(try await hand.count("compensations WHERE undone_at IS NULL") == 0)
        #expect(try await hand.count("attempts WHERE outcome = 'succeeded'") == 6)
        #expect(try await hand.count("events WHERE kind = 'jobEnded'") == 1)
    }
}
