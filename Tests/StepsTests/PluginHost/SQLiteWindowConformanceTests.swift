import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

// One after the other: the processes that hold freezes are known by the keys of these, and all checks use one.
@Suite(.serialized) struct SQLiteWindowConformanceTests {
    @Test(arguments: SystemCheck.all(of: SQLiteWindowSample.type)) func keeps(_ check: SystemCheck) async throws {
        try await check(SQLiteWindowSample.self)
    }
}

/// The example of a plug-in outside the binary whose freeze is a session, and that completes copies and checks them.
final class SQLiteWindowSample: SystemSample {
    static let type = "sqlite-window"
    let folder: ScratchFolder
    var settings: [String: JSONValue] { ["database": .string(data + "/shop.db"), "patience": 1] }
    let quiesceKind = QuiesceKind.session
    var isFrozen: Bool {
        get async throws {
            do {
                try await sqlite("INSERT INTO pairs VALUES (8)")
                return false
            } catch {
                return true
            }
        }
    }
    var window: SampleWindow { SampleWindow(folder: data, added: ["shop.db.label"], kept: TreePath("shop.db")) }
    var checks: (good: [String: JSONValue], bad: [String: JSONValue]) {
        let sql: JSONValue = "SELECT n FROM pairs"
        return (["sql": sql, "expect": "7"], ["sql": sql, "expect": "8"])
    }

    init() async throws {
        folder = try ScratchFolder("conformance")
        try write("first", to: "a")
        try await sqlite("CREATE TABLE pairs(n)", "INSERT INTO pairs VALUES (7)")
    }

    func restore(into place: String, _ bench: SampleBench) async throws {
        try FileManager.default.copyItem(atPath: data + "/shop.db", toPath: place + "/shop.db")
        try "{\"pages\": 2}\n".write(toFile: place + "/shop.db.label", atomically: true, encoding: .utf8)
    }

    /// Runs statements on the database, without waiting for who holds it.
    private func sqlite(_ statements: String...) async throws {
        let script = """
            import sqlite3, sys
            database = sqlite3.connect(sys.argv[1], timeout=0)
            for statement in sys.argv[2:]: database.execute(statement)
            database.commit()
            """
        try await HostProgram.run(["python3", "-c", script, data + "/shop.db"] + statements)
    }
}
