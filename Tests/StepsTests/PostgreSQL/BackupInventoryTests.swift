import Basics
import Foundation
import Rigs
import StepKit
import Testing

/// What `doctor` asks a server: which sessions are in backup mode for steps of ours.
@Suite struct BackupInventoryTests {
    @Test func aSessionInBackupModeIsListedUntilItEnds() async throws {
        let bench = try await SampleBench(PostgreSQLSample.self)
        let key = "sf-0123456789abcdef0123456789"
        func inventory() async throws -> [Holding] { try await bench.open(as: (any Inventorying).self).inventory(bench.opening) }
        #expect(try await inventory().isEmpty)
        let system = try await bench.open(as: (any Quiescing).self)
        let before = Date.now.timeIntervalSince1970
        _ = try await system.quiesce(key: key, maxHold: .seconds(30), bench.context)
        let found = try #require(try await inventory().first)
        #expect(found.kind == .freeze && found.key == key && found.name.contains("in backup mode"), "\(found)")
        #expect(abs(Double(try #require(found.since).microseconds) / 1_000_000 - before) < 60)
        // Another process, which has no session of its own, ends it.
        _ = try await bench.open(as: (any Quiescing).self).thaw(key: key, state: [:], bench.context)
        try await eventually("the session has ended") { try await inventory().isEmpty }
    }
}
