import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

/// What a system and a copy step leave out, as a pipeline declares it.
@Suite struct SelectionTests {
    private func stage(_ settings: [String: JSONValue]) throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        for name in ["keep.txt", "a.tmp", "B.TMP", "cache/x", "deep/cache/y", "marked/.nobackup", "marked/z"] {
            try stage.write("home/" + name, name)
        }
        try stage.write("home/large", String(repeating: "x", count: 5000))
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))].merging(settings) { $1 })
        return stage
    }

    private func copied(_ stage: StepStage, _ settings: [String: JSONValue] = [:], snapshots: [String: StepID] = [:]) async throws -> Set<
        String
    > {
        try await stage.run(
            "copy", id: "copy-home", .systems(["home"]), ["to": "vault"].merging(settings) { $1 }, snapshots: snapshots)
        let home = "/" + stage.folder.file("home").split(separator: "/").joined(separator: "/") + "/"
        let lines = try await stage.restic("vault").succeed("ls", "latest").split(separator: "\n")
        return Set(lines.filter { $0.hasPrefix(home) }.map { String($0.dropFirst(home.count)) })
    }

    @Test func everySettingLeavesOutItsShareAndTheLogCountsIt() async throws {
        let stage = try stage([
            "excludes": ["*.tmp"], "iexcludes": ["b.tmp"], "excludeIfPresent": ".nobackup", "excludeLargerThan": "4KiB",
        ])
        try stage.write("patterns", "# caches\n\n  cache  \r\n")
        try stage.declare(
            system: "home", "directory",
            [
                "path": .string(stage.folder.file("home")), "excludes": ["*.tmp"], "iexcludes": ["b.tmp"], "excludeIfPresent": ".nobackup",
                "excludeLargerThan": "4KiB", "excludesFrom": .string(stage.folder.file("patterns")),
            ])
        #expect(try await copied(stage) == ["keep.txt", "deep", "marked", "marked/.nobackup"])
        let lines = stage.recorder.lines.filter { $0.contains("left out") }
        #expect(lines.count == 3)
        #expect(lines.contains { $0.contains("left out 4 entries") && $0.contains("home/deep/cache") })
        #expect(lines.contains { $0.contains("left out 1 folder's content") && $0.contains("home/marked (.nobackup)") })
        #expect(lines.contains { $0.contains("left out 1 file that is too large") && $0.contains("home/large") })
        #expect(try await stage.store("vault").snapshots().first?.excludes == ["*.tmp"])
    }

    @Test func aSnapshotLeavesOutTheSame() async throws {
        let stage = try stage(["excludes": ["cache", "*.tmp"], "excludeIfPresent": ".nobackup", "staging": "16MiB"])
        try await stage.run("snapshot", id: "snapshot-home", .systems(["home"]))
        #expect(stage.recorder.lines.contains { $0.contains("left out 3 entries") })
        let taken = try await copied(stage, snapshots: ["home": "snapshot-home"])
        #expect(taken == ["keep.txt", "B.TMP", "deep", "marked", "marked/.nobackup", "large"])
        try await stage.undo("snapshot", id: "snapshot-home", .systems(["home"]))
    }

    @Test func aCopyLeavesOutMoreByWholePaths() async throws {
        let stage = try stage(["excludes": ["*.tmp"]])
        let settings: [String: JSONValue] = [
            "excludes": [.string(stage.folder.file("home/cache")), "large"], "iexcludes": ["b.tmp", "MARKED"],
        ]
        #expect(try await copied(stage, settings) == ["keep.txt", "deep", "deep/cache", "deep/cache/y"])
        #expect(try await stage.store("vault").snapshots().first?.excludes.first == "*.tmp")
    }

    @Test func patternsThatLeaveOutTheFolderItselfAreAMistake() async throws {
        for (settings, onCopy) in [(["excludes": ["home"]], [:]), ([:], ["excludes": ["home"]])]
            as [([String: JSONValue], [String: JSONValue])]
        {
            let stage = try stage(settings)
            let error = await #expect(throws: StepError.self) { try await copied(stage, onCopy) }
            #expect(error?.kind == .invalidSetting && error?.found.contains("`home`") == true)
            #expect(try await stage.store("vault").snapshots().isEmpty)
        }
    }

    @Test(arguments: [("missing", nil), ("latin", Data([0xE9, 0x0A])), ("utf16", Data([0xFF, 0xFE, 0x2A, 0x00]))] as [(String, Data?)])
    func aPatternFileThatCannotBeReadFailsTheCopy(_ name: String, _ content: Data?) async throws {
        let stage = try stage([:])
        let file = stage.folder.file(name)
        try content?.write(to: URL(fileURLWithPath: file))
        try stage.declare(
            system: "home", "directory", ["path": .string(stage.folder.file("home")), "excludesFrom": [.string(file)]])
        await #expect(throws: (any Error).self) { try await copied(stage) }
    }
}
