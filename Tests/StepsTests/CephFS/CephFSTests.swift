import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct CephFSTests {
    private func shell(_ script: String, in folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    @Test func copiesOfSnapshotsAreRecordedWhereTheFolderIs() async throws {
        let home = try await CephFSRig.running().folder()
        let stage = try StepStage()
        stage.declare(repository: "vault")
        _ = try await shell(
            "for n in $(seq 20); do echo file $n > $n; done; mkdir deep; ln 1 deep/linked; setfattr -n user.a -v b deep", in: home)
        try stage.declare(system: "home", "cephfs", ["path": .string(home)])
        func round(_ name: String, changes: String = "true") async throws -> StepResult {
            try await stage.run("snapshot", id: StepID("snapshot-\(name)"), .systems(["home"]))
            _ = try await shell(changes, in: home)
            let copy = try await stage.run(
                "copy", id: StepID("copy-\(name)"), .systems(["home"]), ["to": "vault"], snapshots: ["home": StepID("snapshot-\(name)")])
            try await stage.undo("snapshot", id: StepID("snapshot-\(name)"), .systems(["home"]))
            return copy
        }
        let first = try await round("1", changes: "echo late > 7; echo new > later; rm 9; mv 8 deep/8")
        #expect(first.missed == [] && first.outputs["filesNew"] == 21, "\(first.outputs)")
        // Every kind of change is seen in the next one, and what did not change is not read again.
        let second = try await round("2")
        #expect(second.missed == [] && second.outputs["filesUnmodified"] == 18, "\(second.outputs)")
        // Nothing happened: the same tree, though it was read in another snapshot.
        _ = try await round("3")
        let snapshots = try await stage.store("vault").snapshots()
        #expect(snapshots.map(\.paths) == [[home], [home], [home]])
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        let difference = try await restic.succeed("diff", snapshots[1].id, snapshots[2].id)
        #expect(difference.contains("Files:           0 new,     0 removed,     0 changed"), "\(difference)")
        for (number, expected) in [(0, "file 7\nfile 8\nfile 9\n"), (2, "late\nnew\nfile 8\n")] {
            let out = stage.folder.file("out-\(number)")
            try await restic.succeed("restore", snapshots[number].id, "--target", out)
            let found = try await shell("cat 7 \(number == 0 ? "8 9" : "later deep/8")", in: out + home)
            #expect(found == expected)
        }
        #expect(try await shell("ls .snap", in: home) == "")
    }

    /// Stock tools' view of a restore into CephFS: data, links, attributes.
    @Test func aRestoreGoesIntoTheFolder() async throws {
        let rig = try await CephFSRig.running()
        let (home, target) = (try rig.folder(), try rig.folder())
        _ = try await shell(
            "mkdir -p a/b; head -c 3000000 /dev/urandom > a/b/noise; ln a/b/noise twice; ln -s ../twice a/link; setfattr -n user.k -v v twice; chmod 2750 a",
            in: home)
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "home", "cephfs", ["path": .string(home)])
        try stage.declare(system: "target", "cephfs", ["path": .string(target)])
        try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        let listing = "find . ! -name . -printf '%P %y %m %n %s %T@ %l\\n' | sort; sha256sum twice a/b/noise; getfattr -n user.k twice"
        // The size of a folder is that of all that is below, and CephFS hands it up when it gets to it: waited for, a minute at most.
        var (before, after) = ("", "")
        do {
            try await eventually("the folders are equal", every: .milliseconds(100)) {
                (before, after) = (try await shell(listing, in: home), try await shell(listing, in: target))
                return before == after
            }
        } catch is NotInTime {
            #expect(before == after, "\(before)\n\(after)")
        }
    }

    @Test func aQuotaThatIsFullIsSaidWhenItIsRestored() async throws {
        let rig = try await CephFSRig.running()
        let (home, target) = (try rig.folder(), try rig.folder())
        _ = try await shell("for n in $(seq 12); do head -c 2000000 /dev/urandom > $n; done", in: home)
        // What is there already fills it, as soon as the folder knows.
        _ = try await shell(
            "head -c 5000000 /dev/zero > there; setfattr -n ceph.quota.max_bytes -v 4194304 .; "
                + "timeout 30 sh -c 'until [ $(getfattr --only-values -n ceph.dir.rbytes .) -ge 5000000 ]; do sleep 0.1; done'",
            in: target)
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "home", "cephfs", ["path": .string(home)])
        try stage.declare(system: "target", "cephfs", ["path": .string(target)])
        try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        func restore(_ id: StepID) async throws {
            try await stage.run("restore", id: id, .snapshot("latest"), ["from": "vault", "to": "target", "overwrite": true])
        }
        let full = await #expect(throws: (any Error).self) { try await restore("full") }
        #expect("\(String(describing: full))".contains("quota"), "\(String(describing: full))")
        // Room is made, and the restore is completed.
        _ = try await shell("setfattr -n ceph.quota.max_bytes -v 0 .", in: target)
        try await restore("again")
        #expect(try await shell("sha256sum *", in: home) == shell("rm -f there; sha256sum *", in: target))
    }

    @Test func whatIsInTheWayIsSaid() async throws {
        let rig = try await CephFSRig.running()
        let home = try rig.folder()
        let stage = try StepStage()
        func attempt(_ path: String, _ more: [String: JSONValue] = [:]) async throws -> StorageError? {
            try stage.declare(system: "home", "cephfs", ["path": .string(path)].merging(more) { $1 })
            return await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems(["home"])) }
        }
        let elsewhere = try await attempt(stage.folder.path)
        #expect(elsewhere?.kind == .unsupported && elsewhere?.advice.contains("mount") == true, "\(String(describing: elsewhere))")
        let denied = try await attempt(home.replacing("/cephfs/", with: "/plain/"))
        #expect(denied?.kind == .accessDenied && denied?.advice.contains("allow_new_snaps") == true, "\(String(describing: denied))")
        let misnamed = try await attempt(home, ["snapshotFolder": ".snapshots"])
        #expect(misnamed?.kind == .notFound && misnamed?.advice.contains("snapshotFolder") == true, "\(String(describing: misnamed))")
    }

    /// Only what is named as ours is released; what a folder above has of its own stays.
    @Test func othersSnapshotsStay() async throws {
        let home = try await CephFSRig.running().folder()
        _ = try await shell("mkdir -p inner .snap/theirs; echo x > inner/f", in: home)
        let stage = try StepStage()
        try stage.declare(system: "home", "cephfs", ["path": .string(home + "/inner")])
        try await stage.run("snapshot", id: "s", .systems(["home"]))
        #expect(try await shell("ls inner/.snap | wc -l", in: home) == "2\n")
        for _ in 1...2 { try await stage.undo("snapshot", id: "s", .systems(["home"])) }
        #expect(try await shell("ls .snap inner/.snap", in: home).contains("theirs"))
        _ = try await shell("rmdir .snap/theirs", in: home)
    }
}
