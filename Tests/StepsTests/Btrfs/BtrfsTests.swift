import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct BtrfsTests {
    private func shell(_ script: String, in folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    @Test func copiesOfSnapshotsAreRecordedWhereTheSubvolumeIs() async throws {
        let mount = try await LoopMount("btrfs")
        let stage = try StepStage()
        stage.declare(repository: "vault")
        let home = mount.path + "/home"
        _ = try await shell(
            "btrfs -q subvolume create home; for n in $(seq 20); do echo file $n > home/$n; done; mkdir home/deep; ln home/1 home/deep/linked",
            in: mount.path)
        try stage.declare(system: "home", "btrfs", ["path": .string(home)])
        func round(_ name: String, changes: String = "true") async throws -> StepResult {
            try await stage.run("snapshot", id: StepID("snapshot-\(name)"), .systems(["home"]))
            _ = try await shell(changes, in: home)
            let copy = try await stage.run(
                "copy", id: StepID("copy-\(name)"), .systems(["home"]), ["to": "vault"], snapshots: ["home": StepID("snapshot-\(name)")])
            try await stage.undo("snapshot", id: StepID("snapshot-\(name)"), .systems(["home"]))
            return copy
        }
        let first = try await round("1", changes: "echo late > 7; echo new > later")
        #expect(first.missed == [] && first.outputs["filesNew"] == 21)
        let second = try await round("2")
        #expect(second.outputs["filesUnmodified"] == 20 && second.outputs["filesNew"] == 1, "\(second.outputs)")
        // Nothing happened: the same tree, to the last byte, though it was read at another place.
        _ = try await round("3")
        let repository = try await stage.store("vault")
        let snapshots = try await repository.snapshots()
        #expect(snapshots.map(\.paths) == [[home], [home], [home]])
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        let difference = try await restic.succeed("diff", snapshots[1].id, snapshots[2].id)
        #expect(difference.contains("Files:           0 new,     0 removed,     0 changed"), "\(difference)")
        #expect(try await restic.succeed("ls", snapshots[0].id).contains("\(home)/deep/linked\n"))
        try await restic.succeed("restore", snapshots[0].id, "--target", stage.folder.file("out"))
        #expect(try await shell("cat 7; ls | wc -l", in: stage.folder.file("out") + home) == "file 7\n21\n")
        #expect(try await shell("ls -A | wc -l", in: mount.path) == "1\n")
        #expect(!FileManager.default.fileExists(atPath: home + "/.snappy-flow-snapshots"))
    }

    @Test func aSubvolumeBelowIsNotSilentlyEmpty() async throws {
        let mount = try await LoopMount("btrfs")
        _ = try await shell("echo a > a; btrfs -q subvolume create inner; echo b > inner/b", in: mount.path)
        for (nested, excluded, expected) in [("missed", false, 1), ("skip", false, 0), ("missed", true, 0)] as [(JSONValue, Bool, Int)] {
            let stage = try StepStage()
            stage.declare(repository: "vault")
            let excludes: JSONValue = excluded ? [.string(mount.path + "/inner")] : []
            try stage.declare(system: "top", "btrfs", ["path": .string(mount.path), "nested": nested, "excludes": excludes])
            try await stage.run("snapshot", id: "s", .systems(["top"]))
            let copy = try await stage.run("copy", id: "copy", .systems(["top"]), ["to": "vault"], snapshots: ["top": "s"])
            #expect(copy.missed.count == expected, "\(nested): \(copy.missed)")
            if expected == 1 { #expect(copy.missed.first?.contains("inner") == true) }
            try await stage.undo("snapshot", id: "s", .systems(["top"]))
        }
    }

    @Test func whatIsNoSubvolumeIsRefused() async throws {
        let mount = try await LoopMount("btrfs")
        let stage = try StepStage()
        _ = try await shell("mkdir folder", in: mount.path)
        try stage.declare(system: "folder", "btrfs", ["path": .string(mount.path + "/folder")])
        try stage.declare(system: "elsewhere", "btrfs", ["path": .string(stage.folder.path)])
        try stage.declare(
            system: "apart", "btrfs", ["path": .string(mount.path), "snapshotFolder": .string(stage.folder.file("kept"))])
        for (name, kind) in [("folder", ErrorKind.unsupported), ("elsewhere", .unsupported), ("apart", .invalid)] {
            let error = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems([name])) }
            #expect(error?.kind == kind && error?.advice.isEmpty == false, "\(String(describing: error))")
            try await stage.undo("snapshot", id: "s", .systems([name]))
        }
    }
}
