import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Several programs' outputs in one repository snapshot.
@Suite struct StreamTests {
    private func shell(_ script: String) -> JSONValue { ["/bin/sh", "-c", .string(script)] }

    private func stage(_ source: [String: JSONValue], _ settings: [String: JSONValue] = [:]) throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(
            system: "tables", "command", ["source": .object(source)].merging(settings) { $1 }, identity: "tables")
        return stage
    }

    private func copy(_ stage: StepStage) async throws -> StepResult {
        try await stage.run("copy", id: "copy", .systems(["tables"]), ["to": "vault"])
    }

    /// What restic sees: names and contents' sizes.
    private func stored(_ stage: StepStage) async throws -> [String: Int] {
        struct Line: Decodable {
            var path: String?
            var size: Int?
            var type: String?
        }
        let lines = try await stage.restic("vault").succeed("ls", "--json", "latest").split(separator: "\n")
        var found: [String: Int] = [:]
        for line in lines {
            let line = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
            if line.type == "file", let path = line.path { found[path] = line.size ?? 0 }
        }
        return found
    }

    @Test(arguments: [1, 4, 16]) func everyStreamIsAFileOfOneSnapshot(_ parallel: Int) async throws {
        var source: [String: JSONValue] = [:]
        for number in 0..<40 {
            source["table \(number).sql"] = shell("echo \"$SNAPPY_FLOW_STREAM\"; seq \(number) \(number * 5000 + 10)")
        }
        let stage = try stage(source, ["parallel": .int(Int64(parallel))])
        let result = try await copy(stage)
        #expect(result.missed == [] && result.outputs["filesNew"] == 40)
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        #expect(try await stage.store("vault").snapshots().count == 1)
        for number in [0, 7, 39] {
            let dump = try await restic.succeed("dump", "latest", "/command/tables/table \(number).sql")
            #expect(dump == "table \(number).sql\n" + (number...(number * 5000 + 10)).map { "\($0)\n" }.joined())
        }
        #expect(try await stored(stage).count == 40)
    }

    /// Each waits for the other: only together do they end.
    @Test func soManyRunAtOnceAsDeclared() async throws {
        let stage = try stage([:])
        let (left, right) = (stage.folder.file("left"), stage.folder.file("right"))
        #expect(mkfifo(left, 0o600) == 0 && mkfifo(right, 0o600) == 0)
        let source: [String: JSONValue] = [
            "a": shell("echo a > '\(left)'; cat '\(right)'"), "b": shell("read x < '\(left)'; echo $x; echo b > '\(right)'"),
        ]
        try stage.declare(
            system: "tables", "command", ["source": .object(source), "parallel": 2, "timeout": "60s"], identity: "tables")
        #expect(try await copy(stage).missed == [])
        #expect(try await stored(stage) == ["/command/tables/a": 2, "/command/tables/b": 2])
    }

    @Test func notMoreThanDeclaredRunAtOnce() async throws {
        let stage = try stage([:])
        let running = stage.folder.file("running")
        try FileManager.default.createDirectory(atPath: running, withIntermediateDirectories: true)
        let script = "mkdir '\(running)/'$$; ls '\(running)' | wc -l; head -c 300000 /dev/zero; rmdir '\(running)/'$$"
        var source: [String: JSONValue] = [:]
        for number in 0..<12 { source["\(number)"] = shell(script) }
        try stage.declare(system: "tables", "command", ["source": .object(source), "parallel": 3], identity: "tables")
        #expect(try await copy(stage).missed == [])
        for number in 0..<12 {
            let dump = try await stage.restic("vault").succeed("dump", "latest", "/command/tables/\(number)")
            let count = try #require(Int(dump.prefix { $0 != "\n" }))
            #expect((1...3).contains(count))
        }
    }

    @Test(arguments: [1, 3]) func aFailedStreamFailsTheCopyAndEndsTheOthers(_ parallel: Int) async throws {
        let stage = try stage(
            [
                "a": shell("seq 1 100000"), "b": shell("seq 1 300000; echo lost the table >&2; exit 7"),
                "c": shell("echo c; exec sleep 1000"),
            ], ["parallel": .int(Int64(parallel))])
        let error = await #expect(throws: StepError.self) { try await copy(stage) }
        #expect(error?.kind == .commandFailed && error?.retry == .transient)
        #expect(error?.found.contains("lost the table") == true && error?.location.contains("stream b") == true)
        #expect(try await stage.store("vault").snapshots().isEmpty)
        try await stage.restic("vault").succeed("check", "--read-data")
    }

    @Test(arguments: [1, 3]) func aFailedStreamIsLeftOutWhereThatIsDeclared(_ parallel: Int) async throws {
        let stage = try stage(
            [
                "a": shell("seq 1 10"), "b": shell("seq 1 300000; echo lost the table >&2; exit 7"), "c": shell("seq 1 20"),
                "d": ["/no/such/program"],
            ], ["parallel": .int(Int64(parallel)), "onFailedStream": "partial"])
        let result = try await copy(stage)
        #expect(result.missed.count == 2)
        #expect(result.missed.contains { $0.contains("tables:/b") && $0.contains("lost the table") })
        #expect(result.missed.contains { $0.contains("tables:/d") && $0.contains("no such program") })
        #expect(try await stored(stage) == ["/command/tables/a": 21, "/command/tables/c": 51])
        #expect(try await stage.store("vault").snapshots().first?.tags.contains(SnapshotTag.partial) == true)
        try await stage.restic("vault").succeed("check", "--read-data")
    }

    @Test func whenEveryStreamFailsThereIsNoCopy() async throws {
        let stage = try stage(["a": shell("exit 3"), "b": shell("exit 4")], ["parallel": 2, "onFailedStream": "partial"])
        let error = await #expect(throws: StepError.self) { try await copy(stage) }
        #expect(error?.kind == .commandFailed)
        #expect(try await stage.store("vault").snapshots().isEmpty)
    }

    /// Files are told apart as file systems do it: neither is written over the other.
    @Test func filesThatLookAlikeAreTwo() async throws {
        let folder = try ScratchFolder("spool")
        let names = ["caf\u{e9}", "cafe\u{301}"]
        let one = InputSpool(folder: folder.path, streams: nil, origin: "test")
        _ = try one.createFile(TreePath(names[0]), size: 1)
        #expect(throws: StorageError.self) { try one.createFile(TreePath(names[1]), size: 1) }
        let named = InputSpool(folder: folder.path, streams: [names[0]], origin: "test")
        _ = try named.createFile(TreePath(names[0]), size: 1)
        #expect(throws: StorageError.self) { try named.createFile(TreePath(names[1]), size: 1) }
    }

    @Test func aRestoreHandsEachFileToItsProgram() async throws {
        let out = "\"$OUT/$SNAPPY_FLOW_STREAM\""
        for destination in [shell("cat > \(out)"), ["a": shell("cat > \(out)"), "b": shell("cat > \(out)"), "c": shell("cat > \(out)")]] {
            let stage = try stage([:])
            let folder = stage.folder.file("out")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try stage.declare(
                system: "tables", "command",
                [
                    "source": ["a": shell("seq 1 10"), "b": shell("head -c 3000000 /dev/zero"), "c": shell("true")],
                    "destination": destination, "parallel": 2, "environment": ["OUT": .string(folder)],
                ], identity: "tables")
            _ = try await copy(stage)
            try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "tables"])
            #expect(try stage.read("out/a") == (1...10).map { "\($0)\n" }.joined())
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/b")) == Data(count: 3_000_000))
            #expect(try stage.read("out/c").isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: stage.folder.file("scratch/restore")) == [])
        }
    }

    @Test func aFileWithoutAProgramIsRefusedBeforeAnythingRuns() async throws {
        let stage = try stage(["a": shell("echo a"), "b": shell("echo b")])
        _ = try await copy(stage)
        let started = stage.folder.file("started")
        try stage.declare(system: "other", "command", ["destination": ["a": shell("cat > '\(started)'")]], identity: "other")
        let error = await #expect(throws: (any Error).self) {
            try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "other"])
        }
        #expect(error.map { "\($0)" }?.contains("b") == true)
        #expect(!stage.exists("started"))
        let single = stage.folder.file("single")
        try stage.declare(system: "one", "command", ["destination": shell("cat > '\(single)'")], identity: "one")
        await #expect(throws: (any Error).self) {
            try await stage.run("restore", id: "restore-one", .snapshot("latest"), ["from": "vault", "to": "one"])
        }
        #expect(!stage.exists("single"))
    }

    @Test func aProgramThatFailsToTakeItsStreamFailsTheRestore() async throws {
        let stage = try stage(
            ["a": shell("echo a"), "b": shell("echo b")],
            ["destination": ["a": shell("cat"), "b": shell("echo table is locked >&2; exit 5")]])
        _ = try await copy(stage)
        let error = await #expect(throws: StepError.self) {
            try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "tables"])
        }
        #expect(error?.found.contains("table is locked") == true && error?.location.contains("stream b") == true)
    }

    @Test(arguments: ["a/b", "..", ".", "", String(repeating: "x", count: 256)]) func namesThatNoFileHasAreRefused(_ name: String)
        async throws
    {
        let stage = try stage([name: shell("echo a")])
        let error = await #expect(throws: StepError.self) { try await copy(stage) }
        #expect(error?.kind == .invalidSetting)
    }

    @Test func manyNamesAskForAnIdentity() {
        let names = (0..<100).map { "table-\($0)" }
        let settings = Settings(
            ["source": .object(Dictionary(uniqueKeysWithValues: names.map { ($0, shell("true")) }))], origin: "system x")
        let error = #expect(throws: StepError.self) { try CommandType().identity(settings) }
        #expect(error?.advice.contains("identity") == true)
    }
}
