import StepKit
import Testing

extension SystemCheck {
    /// What every system promises that can say what steps have made there, to who has no step.
    static let inventorying: [SystemCheck] = [
        SystemCheck("snapshots are listed by their keys until they are released", [.inventorying, .snapshotting]) { bench in
            let key = "sf-0123456789abcdef0123456789"
            let inventory = { try await bench.open(as: (any Inventorying).self).inventory(bench.opening) }
            #expect(try await inventory().isEmpty)
            let system = try await bench.open(as: (any Snapshotting).self)
            _ = try await system.snapshot(key: key, bench.context)
            _ = try await system.snapshot(key: key + "-1", bench.context)
            // No key that the engine gives: not ours, whatever it looks like.
            _ = try await system.snapshot(key: "mine", bench.context)
            let found = try await inventory()
            #expect(Set(found.map(\.key)) == [key, key + "-1"], "\(found)")
            #expect(found.count == 2 && found.allSatisfy { $0.kind == .snapshot && $0.name.contains($0.key) }, "\(found)")
            for key in [key, key + "-1", "mine"] { try await system.release(key: key, bench.context) }
            #expect(try await inventory().isEmpty)
        }
    ]
}
