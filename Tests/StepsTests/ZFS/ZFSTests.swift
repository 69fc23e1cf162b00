import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct ZFSTests {
    @discardableResult
    private func shell(_ script: String, in folder: String = "/") async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    @Test func copiesOfSnapshotsAreRecordedWhereTheDatasetIs() async throws {
        let pool = try await ZFSPoolRig()
        let stage = try StepStage()
        stage.declare(repository: "vault")
        let (dataset, home) = (pool.name + "/home", pool.path + "/home")
        try await shell(
            "zfs create \(dataset); cd \(home); for n in $(seq 20); do echo file $n > $n; done; mkdir deep; ln 1 deep/linked; ln -s ../2 deep/link"
        )
        try stage.declare(system: "home", "zfs", ["dataset": .string(dataset)])
        func round(_ name: String, changes: String = "true") async throws -> StepResult {
            try await stage.run("snapshot", id: StepID("snapshot-\(name)"), .systems(["home"]))
            try await shell(changes, in: home)
            let copy = try await stage.run(
                "copy", id: StepID("copy-\(name)"), .systems(["home"]), ["to": "vault"], snapshots: ["home": StepID("snapshot-\(name)")])
            try await stage.undo("snapshot", id: StepID("snapshot-\(name)"), .systems(["home"]))
            return copy
        }
        let first = try await round("1", changes: "echo late > 7; echo new > later")
        #expect(first.missed == [] && first.outputs["filesNew"] == 21, "\(first.outputs) \(first.missed)")
        let second = try await round("2")
        #expect(second.outputs["filesUnmodified"] == 20 && second.outputs["filesNew"] == 1, "\(second.outputs)")
        _ = try await round("3")
        let snapshots = try await stage.store("vault").snapshots()
        #expect(snapshots.map(\.paths) == [[home], [home], [home]])
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        let difference = try await restic.succeed("diff", snapshots[1].id, snapshots[2].id)
        #expect(difference.contains("Files:           0 new,     0 removed,     0 changed"), "\(difference)")
        try await restic.succeed("restore", snapshots[0].id, "--target", stage.folder.file("out"))
        #expect(
            try await shell("cat 7 deep/linked deep/link; ls | wc -l", in: stage.folder.file("out") + home)
                == "file 7\nfile 1\nfile 2\n21\n")
        #expect(
            try await shell("zfs list -H -t all -o name -r \(pool.name)") == "\(pool.name)\n\(dataset)\n",
            "neither snapshot nor clone stays")
    }

    /// What another one made, or a restart of the machine left unmounted, is gone through as well; what is not there is no error.
    @Test func aReleaseTakesEveryStateThatItMayFind() async throws {
        let pool = try await ZFSPoolRig()
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "top", "zfs", ["dataset": .string(pool.name)])
        try await shell("echo a > a", in: pool.path)
        try await stage.undo("snapshot", id: "s", .systems(["top"]))
        try await stage.run("snapshot", id: "s", .systems(["top"]))
        let clone = try #require(try await shell("zfs list -H -t filesystem -o name -r \(pool.name)").split(separator: "\n").last)
        #expect(clone != pool.name)
        try await shell("zfs unmount \(clone)")
        let copy = try await stage.run("copy", id: "copy", .systems(["top"]), ["to": "vault"], snapshots: ["top": "s"])
        #expect(copy.missed == [] && copy.outputs["filesNew"] == 1, "\(copy.outputs)")
        try await shell("zfs unmount \(clone)")
        try await stage.undo("snapshot", id: "s", .systems(["top"]))
        try await stage.undo("snapshot", id: "s", .systems(["top"]))
        #expect(try await shell("zfs list -H -t all -o name -r \(pool.name)") == "\(pool.name)\n")
    }

    @Test func aDatasetBelowIsNotSilentlyEmpty() async throws {
        let pool = try await ZFSPoolRig()
        try await shell("zfs create \(pool.name)/inner; echo a > a; echo b > inner/b", in: pool.path)
        for (nested, excluded, expected) in [("missed", false, 1), ("skip", false, 0), ("missed", true, 0)] as [(JSONValue, Bool, Int)] {
            let stage = try StepStage()
            stage.declare(repository: "vault")
            let excludes: JSONValue = excluded ? [.string(pool.path + "/inner")] : []
            try stage.declare(system: "top", "zfs", ["dataset": .string(pool.name), "nested": nested, "excludes": excludes])
            try await stage.run("snapshot", id: "s", .systems(["top"]))
            let copy = try await stage.run("copy", id: "copy", .systems(["top"]), ["to": "vault"], snapshots: ["top": "s"])
            #expect(copy.missed.count == expected, "\(nested): \(copy.missed)")
            if expected == 1 { #expect(copy.missed.first?.contains("inner") == true) }
            try await stage.undo("snapshot", id: "s", .systems(["top"]))
        }
    }

    @Test func restoresGoIntoTheDataset() async throws {
        let pool = try await ZFSPoolRig()
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "top", "zfs", ["dataset": .string(pool.name)])
        try await shell("echo a > a; mkdir b; echo c > b/c; chmod 600 b/c", in: pool.path)
        try await stage.run("copy", id: "copy", .systems(["top"]), ["to": "vault"])
        try await shell("rm -r a b", in: pool.path)
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "top"])
        #expect(try await shell("cat a b/c; stat -c %a b/c", in: pool.path) == "a\nc\n600\n")
    }

    @Test func errorsSayWhatToDo() async throws {
        let pool = try await ZFSPoolRig()
        let stage = try StepStage()
        try stage.declare(system: "nowhere", "zfs", ["dataset": .string(pool.name + "/nowhere")])
        let missing = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems(["nowhere"])) }
        #expect(missing?.kind == .notFound && missing?.advice.contains("zfs") == true, "\(String(describing: missing))")
        try await stage.undo("snapshot", id: "s", .systems(["nowhere"]))
        for name in ["-r", "tank@now", "tank//home", "", "tank/../x", "tank/home;reboot"] {
            let type = ZFSType()
            #expect(type.problems(in: Settings(["dataset": .string(name)], origin: "system x")).map(\.setting) == ["dataset"], "\(name)")
        }
        #expect(ZFSType().problems(in: Settings(["dataset": "tank/home 1_a-b.c:d"], origin: "system x")).isEmpty)
    }
}
