import FlowModel
import Foundation
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

@Suite struct RestoreTests {
    private func copied() async throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.write("home/a.txt", "alpha")
        try stage.write("home/deep/b.txt", "beta")
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        try stage.declare(system: "drill", "directory", ["path": .string(stage.folder.file("drill"))])
        try await stage.run("copy", id: "copy-home", .systems(["home"]), ["to": "vault"])
        return stage
    }

    @Test func aFoldersContentLandsAtTheSystemsRoot() async throws {
        let stage = try await copied()
        let result = try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill"])
        #expect(result.outputs["files"] == 2)
        #expect(try stage.read("drill/deep/b.txt") == "beta")
    }

    @Test func onlyChosenPathsAreRestored() async throws {
        let stage = try await copied()
        try await stage.run(
            "restore", id: "restore", .snapshot("latest"),
            ["from": "vault", "to": "drill", "paths": [.string(stage.folder.file("home/deep"))]])
        #expect(stage.exists("drill/deep/b.txt"))
        #expect(!stage.exists("drill/a.txt"))
    }

    @Test func whatIsThereIsNotReplacedUnlessToldTo() async throws {
        let stage = try await copied()
        try stage.write("drill/a.txt", "mine")
        let error = await #expect(throws: StepError.self) {
            try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill"])
        }
        #expect(error?.code == "exists")
        #expect(try stage.read("drill/a.txt") == "mine")
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill", "overwrite": true])
        #expect(try stage.read("drill/a.txt") == "alpha")
    }

    @Test func aKilledRestoreIntoAnEmptyPlaceGoesOn() async throws {
        let stage = try await copied()
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill"])
        let saved = try #require(stage.recorder.saved)
        try FileManager.default.removeItem(atPath: stage.folder.file("drill/a.txt"))
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill"], attempt: 2, checkpoint: saved)
        #expect(try stage.read("drill/a.txt") == "alpha")
    }

    @Test func aDryRunWritesNothing() async throws {
        let stage = try await copied()
        let result = try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "drill", "dryRun": true])
        #expect(result.outputs["files"] == 2)
        #expect(!stage.exists("drill"))
    }

    private let history = (1...3).map { day in
        Snapshot(
            id: "\(day)\(day)abc", time: Instant(microseconds: Int64(day) * 86_400_000_000), tree: "", paths: ["/x"], hostname: "h",
            tags: [day == 3 ? "system:other" : "system:home"])
    }

    @Test(arguments: [
        ("latest", "33abc"), ("latest before 1970-01-03T12:00:00Z", "22abc"), ("latest before 1970-01-03", "11abc"), ("11", "11abc"),
    ])
    func aSnapshotIsChosen(_ text: String, _ id: String) throws {
        #expect(try SnapshotChoice(text).pick(among: history, system: nil, at: "r").id == id)
    }

    @Test func aSnapshotIsChosenAmongASystemsOwn() throws {
        #expect(try SnapshotChoice("latest").pick(among: history, system: "home", at: "r").id == "22abc")
        let error = #expect(throws: StepError.self) { try SnapshotChoice("latest").pick(among: history, system: "nobody", at: "r") }
        #expect(error?.code == "no-such-snapshot")
    }

    @Test(arguments: ["44", "latest before noon"])
    func whatIsNoSnapshotIsSaid(_ text: String) {
        #expect(throws: StepError.self) { try SnapshotChoice(text).pick(among: history, system: nil, at: "r") }
    }
}
