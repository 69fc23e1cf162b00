import FlowModel
import StepKit
import Testing

/// What every quiescing system of the recorded kind promises.
@Suite struct QuiescingTests {
    @Test(arguments: SystemSample.all(with: .quiescing))
    func thawUndoesAFreezeFromRecordedStateInAnotherProcess(_ sample: SystemSample) async throws {
        let bench = try SampleBench(sample)
        let system = try await bench.open(as: (any Quiescing).self)
        #expect(system.quiesceKind == .recorded)
        let state = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
        #expect(bench.isFrozen)
        let other = try await bench.open(as: (any Quiescing).self)
        _ = try await other.thaw(key: "k", state: state, bench.context)
        #expect(!bench.isFrozen)
    }

    @Test(arguments: SystemSample.all(with: .quiescing))
    func thawIsIdempotentAndNeedsNothingRecorded(_ sample: SystemSample) async throws {
        let bench = try SampleBench(sample)
        let system = try await bench.open(as: (any Quiescing).self)
        _ = try await system.thaw(key: "k", state: [:], bench.context)
        _ = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
        _ = try await system.thaw(key: "k", state: [:], bench.context)
        #expect(!bench.isFrozen)
        _ = try await system.thaw(key: "k", state: [:], bench.context)
    }
}
