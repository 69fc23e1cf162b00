import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@Suite struct PostgreSQLConformanceTests {
    @Test(arguments: SystemCheck.all(of: PostgreSQLSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(PostgreSQLSample.self)
    }
}

final class PostgreSQLSample: SystemSample {
    static let type = "postgresql"
    let folder: ScratchFolder
    private let server: PostgreSQLServerRig
    var settings: [String: JSONValue] { ["host": .string(server.socketFolder)] }
    var targetSettings: [String: JSONValue] {
        settings.merging(["method": "base", "dataFolder": .string(folder.file("target"))]) { $1 }
    }
    let content: [String: String?] = ["postgres.dump": nil, "globals.sql": nil]
    let restoredFile = TreePath("data/restored")
    var received: [UInt8]? { FileManager.default.contents(atPath: folder.file("target/restored")).map(Array.init) }
    let quiesceKind = QuiesceKind.session
    var isFrozen: Bool {
        get async throws {
            try await server.value(
                "SELECT 'yes' AS value FROM pg_stat_activity WHERE application_name = 'snappy-flow k' AND state = 'idle'") != nil
        }
    }

    var window: SampleWindow { SampleWindow(folder: server.data, added: ["backup_label"], kept: TreePath("PG_VERSION")) }
    var checks: (good: [String: JSONValue], bad: [String: JSONValue]) {
        func query(_ expect: String) -> [String: JSONValue] {
            ["queries": [["database": "postgres", "sql": "SELECT 1 + 1", "expect": .string(expect)]]]
        }
        return (query("2"), query("3"))
    }

    init() async throws {
        folder = try ScratchFolder("conformance")
        server = try await PostgreSQLServerRig.start()
    }

    func restore(into place: String, _ bench: SampleBench) async throws {
        let dumps = try await bench.read { reader in
            try reader.list(TreePath()).entries.map { ($0.name.description, try reader.bytes(of: TreePath([$0.name]))) }
        }
        for (name, bytes) in dumps { try Data(bytes).write(to: URL(fileURLWithPath: place + "/" + name)) }
    }
}
