import Basics
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

    /// Other pipelines and programs store newer snapshots in the same repository, and clocks go wrong.
    @Test func latestIsThePipelinesOwn() async throws {
        let stage = try await copied()
        let own = try #require(try await stage.store("vault").snapshots().first)
        let restic = try stage.restic("vault")
        try stage.write("theirs/a.txt", "theirs")
        try await restic.succeed("backup", "--host", "home", stage.folder.file("theirs"))
        try await restic.succeed(
            "backup", "--host", "home", "--time", "2037-01-01 00:00:00", "--tag", "pipeline:nightly,system:home",
            stage.folder.file("theirs"))
        func restore(_ settings: [String: JSONValue]) async throws -> JSONValue? {
            try await stage.run(
                "restore", id: "restore", .snapshot("latest"), settings.merging(["from": "vault", "to": "drill", "overwrite": true]) { $1 }
            ).outputs["snapshotID"]
        }
        #expect(try await restore([:]) == .string(own.id))
        #expect(stage.recorder.lines.contains { $0.hasPrefix("warning") && $0.contains("dated in the future") }, "\(stage.recorder.lines)")
        #expect(try await restore(["host": "home", "before": "2100-01-01"]) == .string(own.id))
        #expect(try await restore(["tags": [""], "host": "home"]) != .string(own.id))

        // A second system: `to` says which, where the pipeline copies that; else it is to be said.
        try stage.declare(system: "photos", "directory", ["path": .string(stage.folder.file("photos"))])
        try stage.write("photos/p.txt", "p")
        try await stage.run("copy", id: "copy-photos", .systems(["photos"]), ["to": "vault"])
        stage.plan(
            steps: ["home", "photos"].map {
                PlannedStep(id: StepID("copy-\($0)"), verb: "copy", subject: .systems([$0]), settings: ["to": "vault"])
            })
        let error = await #expect(throws: StepError.self) { _ = try await restore([:]) }
        #expect(error?.code == "several-origins")
        #expect(try await restore(["system": "home"]) == .string(own.id))
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "photos", "overwrite": true])
        #expect(try stage.read("photos/p.txt") == "p" && !stage.exists("photos/a.txt"))
    }

    @Test func aNamedSnapshotIsNotReplacedByALaterSetting() async throws {
        let stage = try await copied()
        let own = try #require(try await stage.store("vault").snapshots().first)
        let error = await #expect(throws: StepError.self) {
            try await stage.run("restore", id: "restore", .snapshot(own.shortID), ["from": "vault", "to": "drill", "before": "2001-01-01"])
        }
        #expect(error?.code == "no-such-snapshot" && !stage.exists("drill"))
    }
}
