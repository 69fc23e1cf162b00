import Basics
import FlowModel
import Foundation
import Rigs
import StepKit
import Testing

@testable import Steps

/// What every system promises that can say what steps have made there, to who has no step.
@Suite struct InventoryingTests {
    private static let key = "sf-0123456789abcdef0123456789"

    /// Without the sample's own folder, which is another each time.
    private func inventory(_ bench: SampleBench) async throws -> [Holding] {
        try await bench.open(as: (any Inventorying).self).inventory(bench.opening)
    }

    @Test(arguments: SystemSample.all(with: .inventorying).filter { SystemSample.all(with: .snapshotting).contains($0) })
    func aSnapshotIsListedByItsKeyUntilItIsReleased(_ sample: SystemSample) async throws {
        let bench = try await SampleBench(sample)
        #expect(try await inventory(bench).isEmpty)
        let system = try await bench.open(as: (any Snapshotting).self)
        _ = try await system.snapshot(key: Self.key, bench.context)
        _ = try await system.snapshot(key: Self.key + "-1", bench.context)
        // No key that the engine gives: not ours, whatever it looks like.
        _ = try await system.snapshot(key: "mine", bench.context)
        let found = try await inventory(bench)
        #expect(Set(found.map(\.key)) == [Self.key, Self.key + "-1"], "\(found)")
        #expect(found.count == 2 && found.allSatisfy { $0.kind == .snapshot && $0.name.contains($0.key) }, "\(found)")
        for key in [Self.key, Self.key + "-1", "mine"] { try await system.release(key: key, bench.context) }
        #expect(try await inventory(bench).isEmpty)
    }

    @Test func aSessionInBackupModeIsListedUntilItEnds() async throws {
        let bench = try await SampleBench(.postgresql)
        #expect(try await inventory(bench).isEmpty)
        let system = try await bench.open(as: (any Quiescing).self)
        let before = Date.now.timeIntervalSince1970
        _ = try await system.quiesce(key: Self.key, maxHold: .seconds(30), bench.context)
        let found = try #require(try await inventory(bench).first)
        #expect(found.kind == .freeze && found.key == Self.key && found.name.contains("in backup mode"), "\(found)")
        #expect(abs(Double(try #require(found.since).microseconds) / 1_000_000 - before) < 60)
        // Another process, which has no session of its own, ends it.
        _ = try await bench.open(as: (any Quiescing).self).thaw(key: Self.key, state: [:], bench.context)
        try await eventually("the session has ended") { try await inventory(bench).isEmpty }
    }

    @Test func everyTypeThatTakesSnapshotsCanListThem() {
        for type in Catalog.standard.systems where type.capabilities.contains(.snapshotting) {
            #expect(type.capabilities.contains(.inventorying), "\(type.name)")
        }
    }

    @Test(arguments: [
        ("sf-0123456789abcdef0123456789", true), ("sf-0123456789abcdef0123456789-0", true), ("sf-0123456789abcdef0123456789-12", true),
        ("sf-0123456789abcdef012345678", false), ("sf-0123456789ABCDEF0123456789", false), ("sf-0123456789abcdef0123456789-", false),
        ("sf-0123456789abcdef0123456789-x", false), ("sf-0123456789abcdef0123456789/..", false), ("", false), ("sf-", false),
    ])
    func aKeyIsWhatTheEngineGives(_ text: String, _ isKey: Bool) {
        #expect(Holding.isKey(text) == isKey)
        #expect(Holding.key(in: "a@\(text).image", after: "a@", before: ".image") == (isKey ? text : nil))
    }
}
