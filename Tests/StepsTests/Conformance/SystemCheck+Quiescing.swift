import Basics
import StepKit
import Testing

extension SystemCheck {
    /// What every quiescing system promises. One of the session kind loses its freeze to another process, which ends it all the same.
    static let quiescing: [SystemCheck] = [
        SystemCheck("thaw undoes a freeze from recorded state in another process", [.quiescing]) { bench in
            let system = try await bench.open(as: (any Quiescing).self)
            #expect(system.quiesceKind == bench.sample.quiesceKind)
            let state = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
            #expect(try await bench.sample.isFrozen)
            let other = try await bench.open(as: (any Quiescing).self)
            _ = try await other.thaw(key: "k", state: state, bench.context)
            try await bench.untilAlive()
        },
        SystemCheck("thaw is idempotent and needs nothing recorded", [.quiescing]) { bench in
            let system = try await bench.open(as: (any Quiescing).self)
            _ = try await system.thaw(key: "k", state: [:], bench.context)
            _ = try await system.quiesce(key: "k", maxHold: .seconds(30), bench.context)
            _ = try await system.thaw(key: "k", state: [:], bench.context)
            try await bench.untilAlive()
            _ = try await system.thaw(key: "k", state: [:], bench.context)
        },
    ]
}
