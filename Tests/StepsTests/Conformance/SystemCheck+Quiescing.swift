import Basics
import StepKit
import Testing

/// What every quiescing system promises. One of the session kind loses its freeze to another process, which ends it all the same.
@Suite struct QuiescingTests {
    @Test(arguments: SystemSample.all(with: .quiescing))
    func thawUndoesAFreezeFromRecordedStateInAnotherProcess(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        let system = try await bench.open(as: (any Quiescing).self)
        #expect(system.quiesceKind == sample.quiesceKind)
        let state = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
        #expect(try await bench.isFrozen)
        let other = try await bench.open(as: (any Quiescing).self)
        _ = try await other.thaw(key: "k", state: state, bench.context)
        try await bench.untilAlive()
    }

    @Test(arguments: SystemSample.all(with: .quiescing))
    func thawIsIdempotentAndNeedsNothingRecorded(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        let system = try await bench.open(as: (any Quiescing).self)
        _ = try await system.thaw(key: "k", state: [:], bench.context)
        _ = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
        _ = try await system.thaw(key: "k", state: [:], bench.context)
        try await bench.untilAlive()
        _ = try await system.thaw(key: "k", state: [:], bench.context)
    }
}
