import Basics
import Crypto
import FlowModel
import PostgreSQL
import Testing

@testable import WorkflowEngine

/// Whatever the machine comes to, the tables take it and give it back.
@Suite struct StoreMachineTests {
    @Test(arguments: 0..<4) func theTablesHoldEveryRunThatRandomFaultsLeadTo(part: UInt64) async throws {
        let hand = try await StoreHand.start()
        for number in 1...200 { try await hand.register("worker\(number)") }
        var put = 0
        for seed in stride(from: part, to: 32, by: 4) {
            var scenario = Scenario(seed: seed)
            scenario.world.journal = []
            try scenario.play()
            let job = try await insert(scenario, hand)
            var known: RunRecord?
            for (index, change) in (scenario.world.journal ?? []).enumerated() {
                let transition = try Transition(
                    job: job, from: change.before, to: change.after, actions: change.actions, tokens: change.event.token.map { [$0] } ?? [],
                    limits: [:],
                    now: change.now)
                do {
                    guard try await hand.store.write([transition.json], on: nil) == [job] else {
                        Issue.record("seed \(seed), change \(index): \(change.event) was refused")
                        return
                    }
                } catch {
                    Issue.record("seed \(seed), change \(index): \(change.event): \(error)")
                    return
                }
                guard index % 7 == 0 || change.after.hasEnded else { continue }
                // As rows alone: the model's fan-outs have members of many kinds, a plan's have those of one.
                let rows = try await hand.store.pool.query(EngineStore.sql("load-runs"), EngineStore.asked([job]))
                let whole = try RunRecord(try #require(rows.first))
                let stored = whole.run
                guard try JSONValue(encoding: stored) == JSONValue(encoding: change.after) else {
                    Issue.record("seed \(seed), change \(index): \(change.event): stored \(stored) is not \(change.after)")
                    return
                }
                // What has changed since, put into what was known before, is the same as the whole.
                if let old = known {
                    let rows = try await hand.store.pool.query(EngineStore.sql("load-runs"), EngineStore.asked([job], [job: old]))
                    let row = try #require(rows.first)
                    if try row.get("known", as: Int64.self) >= 0 {
                        let later = try #require(try RunRecord(row, since: old))
                        guard later.run == stored, try JSONValue(encoding: later.run) == JSONValue(encoding: stored) else {
                            Issue.record("seed \(seed), change \(index): \(change.event): put together \(later.run) is not \(stored)")
                            return
                        }
                        put += 1
                        known = later
                        continue
                    }
                }
                known = whole
            }
            // Again over the same version: nothing changes.
            if let last = scenario.world.journal?.last {
                let again = try Transition(
                    job: job, from: last.before, to: last.after, actions: last.actions, tokens: [], limits: [:], now: last.now)
                #expect(try await hand.store.write([again.json], on: nil) == [])
            }
        }
        #expect(put > 20)
        #expect(try await hand.count("attempts") > 20)
        #expect(try await hand.count("attempts WHERE outcome = 'running'") == 0)
        #expect(try await hand.count("compensations WHERE undone_at IS NULL") == 0)
        #expect(try await hand.store.moveToHistory(endedFor: .seconds(0), limit: 1000) > 0)
    }

    private func insert(_ scenario: Scenario, _ hand: StoreHand) async throws -> JobID {
        let job = JobID.make(milliseconds: 0)
        // As it is in the end.
        let (steps, windows) = (scenario.world.run.definition.steps, scenario.world.run.definition.windows)
        let plan = Plan(pipeline: "model", steps: steps, windows: windows)
        try await hand.store.pool.query(
            EngineStore.sql("submit-job"),
            [
                "default", .text(plan.id.rawValue), "model", .json(try JSONValue(encoding: plan)), .text(job.rawValue), "local", nil,
                .json(.object([:])), .int(scenario.world.run.job.createdAt.microseconds), nil, nil, nil,
            ])
        return job
    }
}
