import Basics
import FlowModel
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// The files in a disk's image: a loop device, a mount, and the undo of both. As root, on real ones. One after the other: a stage's step of one name has
/// one key, by which the host knows what it has mounted.
@Suite(.serialized) struct MountedImageTests {
    @discardableResult
    private func shell(_ script: String, in folder: String = "/") async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    /// An ext4 of 32 MiB with two files, on an xfs that can clone.
    private func withDisk(_ body: (StepStage, _ image: String, _ folder: String) async throws -> Void) async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount an xfs")
            let stage = try StepStage()
            defer { LoopDevices.release(folder: mount) }
            stage.declare(repository: "vault")
            try await shell(
                """
                mkdir content; echo first > content/a; mkdir content/deep; seq 1 200000 > content/deep/b
                truncate -s 32M '\(mount)/disk.img'; mkfs.ext4 -q -d content '\(mount)/disk.img'; rm -r content
                """, in: stage.folder.path)
            try stage.declare(system: "disk", "blockdevice", ["path": .string(mount + "/disk.img")])
            try await body(stage, mount + "/disk.img", mount)
            #expect(try LoopDevices.over(folder: mount) == [])
        }
    }

    private func attach(_ stage: StepStage, of snapshot: StepID? = nil, attempt: Int = 1) async throws -> [String: JSONValue] {
        let result = try await stage.run(
            "attach", id: "attach", .systems(["disk"]), snapshots: snapshot.map { ["disk": $0] } ?? [:], views: ["disk": .tree],
            attempt: attempt)
        return try #require(result.outputs["attachments"]?["disk"]?["state"]?.objectValue)
    }

    private func copyTree(_ stage: StepStage, _ id: StepID = "tree", of snapshot: StepID? = nil) async throws -> StepResult {
        try await stage.run(
            "copy", id: id, .systems(["disk"]), ["to": "vault"], snapshots: snapshot.map { ["disk": $0] } ?? [:],
            views: ["disk": .tree], attachments: ["disk": "attach"])
    }

    private func detach(_ stage: StepStage) async throws { try await stage.undo("attach", id: "attach", .systems(["disk"])) }

    private func point(_ key: String = "sf-attach") -> String { MountedImage.folder + "/" + key }

    /// What a mounted file system has not written out stands in its journal, which is replayed in a clone: the snapshot stays as it was.
    @Test func bothViewsOfOneSnapshotAreCopiedWhileTheDiskIsInUse() async throws {
        try await withDisk { stage, image, folder in
            let guest = stage.folder.file("guest")
            try await shell("mkdir guest; mount -o loop '\(image)' guest; echo late > guest/late; sync -f guest", in: stage.folder.path)
            try await stage.run("snapshot", id: "snapshot", .systems(["disk"]))
            try await shell("echo too late > '\(guest)/never'; umount '\(guest)'")
            let kept = folder + "/.snappy-flow-snapshots/sf-snapshot.image"
            let before = try await shell("sha256sum '\(kept)'")
            #expect(try await shell("dumpe2fs -h '\(kept)' 2>/dev/null").contains("needs_recovery"))

            let state = try await attach(stage, of: "snapshot")
            #expect(state["mount"] == .string(point()) && state["fileSystem"] == "ext4")
            let tree = try await copyTree(stage, of: "snapshot")
            #expect(tree.missed == [] && tree.bases.isEmpty)
            let bytes = try await stage.run(
                "copy", id: "image", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot"])
            #expect(bytes.bases.count == 1)
            #expect(try await shell("sha256sum '\(kept)'") == before)
            try await detach(stage)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/.snappy-flow-snapshots") == ["sf-snapshot.image"])
            #expect(!FileManager.default.fileExists(atPath: point()))
            try await stage.undo("snapshot", id: "snapshot", .systems(["disk"]))

            // Each is found as what it is: the disk where nothing is said, its files where they are asked for.
            try stage.declare(system: "files", "directory", ["path": .string(stage.folder.file("files"))])
            try await stage.run(
                "restore", id: "r1", .snapshot("latest"), ["from": "vault", "to": "files", "system": "disk", "as": "tree"])
            #expect(try stage.read("files/late") == "late\n" && !stage.exists("files/never"))
            #expect(try stage.read("files/deep/b").hasSuffix("\n200000\n"))
            try stage.declare(system: "again", "blockdevice", ["path": .string(stage.folder.file("again.img"))])
            try await stage.run("restore", id: "r2", .snapshot("latest"), ["from": "vault", "to": "again", "system": "disk"])
            try await shell("cp '\(stage.folder.file("again.img"))' checked; e2fsck -fy checked || [ $? = 1 ]", in: stage.folder.path)
            let judge = try stage.restic("vault")
            try await judge.succeed("check", "--read-data")
            #expect(try await judge.succeed("ls", "latest", "--tag", "view:tree").contains("\(image)/deep/b"))
        }
    }

    /// Retention, parents and proofs go by what was copied: the files are no continuation of the disk.
    @Test func theViewsOfOneSystemAreKeptApart() async throws {
        try await withDisk { stage, _, _ in
            _ = try await attach(stage)
            _ = try await copyTree(stage)
            try await stage.run("copy", id: "image", .systems(["disk"]), ["to": "vault"])
            let second = try await copyTree(stage, "tree-2")
            #expect(second.outputs["filesUnmodified"] == 2 && second.outputs["filesNew"] == 0, "\(second.outputs)")
            try await detach(stage)
            let all = try await stage.store("vault").snapshots()
            #expect(OriginHistory.all(of: all, now: .now).map(\.past.count).sorted() == [1, 2])
        }
    }

    @Test func aLiveImageIsReadOnlyWhileNobodyWritesAndItsJournalIsClean() async throws {
        try await withDisk { stage, image, folder in
            let guest = stage.folder.file("guest")
            try await shell("mkdir '\(guest)'; mount -o loop '\(image)' '\(guest)'; echo x > '\(guest)/x'; sync -f '\(guest)'")
            let used = await #expect(throws: StorageError.self) { _ = try await attach(stage) }
            #expect(used?.found.contains("in use") == true && used?.advice.contains("snapshot:") == true, "\(String(describing: used))")
            // As it is after a power failure.
            try await shell(
                "cp --reflink=always '\(image)' '\(folder)/crashed.img'; umount '\(guest)'; mv '\(folder)/crashed.img' '\(image)'")
            let dirty = await #expect(throws: StorageError.self) { _ = try await attach(stage) }
            #expect(dirty?.found.contains("journal") == true, "\(String(describing: dirty))")
            try await detach(stage)
            #expect(!FileManager.default.fileExists(atPath: point()))
            try await shell("e2fsck -fy '\(image)' || [ $? = 1 ]")
            let sum = try await shell("sha256sum '\(image)'")
            _ = try await attach(stage)
            #expect(try await copyTree(stage).outputs["filesNew"] == 3)
            try await detach(stage)
            #expect(try await shell("sha256sum '\(image)'") == sum)
        }
    }

    /// Whatever of it there is, and however often: from the key alone.
    @Test func detachingUndoesWhatIsHalfMade() async throws {
        try await withDisk { stage, image, folder in
            try await stage.run("snapshot", id: "snapshot", .systems(["disk"]))
            let (system, context) = try await stage.open("disk", as: (any Attaching).self)
            let own = folder + "/.snappy-flow-snapshots/half.image"
            try await system.detach(key: "half", state: [:], context)
            // A clone alone; with a mount point; with a device; all of it.
            for depth in 0...3 {
                try await shell("cp --reflink=always '\(image)' '\(own)'; chmod 600 '\(own)'; touch '\(own).partial'")
                if depth >= 1 { try await shell("mkdir -p '\(point("half"))'; chmod 700 '\(MountedImage.folder)'") }
                if depth >= 2 {
                    let file = try FileHandle(forUpdating: URL(fileURLWithPath: own))
                    let device = try LoopDevice(of: file.fileDescriptor, named: "half", isReadOnly: false, at: own)
                    #expect(LoopDevice.all(named: "half") == [device.path])
                    if depth == 3 { try await shell("mount -o ro \(device.path) '\(point("half"))'") }
                    device.close()
                }
                try await system.detach(key: "half", state: ["mount": "/wrong"], context)
                try await system.detach(key: "half", state: [:], context)
                #expect(!FileManager.default.fileExists(atPath: own) && !FileManager.default.fileExists(atPath: point("half")))
                #expect(try LoopDevices.over(folder: folder) == [] && LoopDevice.all(named: "half").isEmpty)
            }
            try await stage.undo("snapshot", id: "snapshot", .systems(["disk"]))
        }
    }

    /// As a program has them that was started a moment ago, and does not run yet.
    @Test func whoHasFilesOpenForAMomentIsWaitedFor() async throws {
        try await withDisk { stage, image, _ in
            func hold(_ path: String, writing: Bool = false) throws {
                let file = open(path, writing ? O_RDWR : O_RDONLY)
                try #require(file >= 0)
                Thread.detachNewThread {
                    usleep(300_000)
                    close(file)
                }
            }
            try hold(image, writing: true)
            _ = try await attach(stage)
            try hold(point() + "/a")
            try await detach(stage)
            #expect(!FileManager.default.fileExists(atPath: point()))
        }
    }

    @Test func whatIsReadIsNotTakenAwayAndWhatIsGoneIsNotRead() async throws {
        try await withDisk { stage, _, _ in
            _ = try await attach(stage)
            let reader = try FileHandle(forReadingFrom: URL(fileURLWithPath: point() + "/a"))
            let busy = await #expect(throws: StorageError.self) { try await detach(stage) }
            #expect(busy?.retry == .transient && busy?.found.contains("open") == true, "\(String(describing: busy))")
            try reader.close()
            // Somebody unmounts it by hand: an empty folder is no copy of it. Other tests start programs, which hold the file until they run.
            try await eventually("nobody has it open") { (try? await shell("umount '\(point())'")) != nil }
            let gone = await #expect(throws: StorageError.self) { _ = try await copyTree(stage) }
            #expect(gone?.found == "nothing mounted")
            // An attempt that is repeated makes it anew.
            _ = try await attach(stage, attempt: 2)
            #expect(try await copyTree(stage).outputs["filesNew"] == 2)
            try await detach(stage)
        }
    }

    /// A window that was thawed early is begun anew, with another snapshot.
    @Test func anAttachmentOfAVoidSnapshotIsRefused() async throws {
        try await withDisk { stage, _, _ in
            try await stage.run("snapshot", id: "snapshot", .systems(["disk"]))
            _ = try await attach(stage, of: "snapshot")
            try await stage.run("snapshot", id: "later", .systems(["disk"]))
            let void = await #expect(throws: StepError.self) { _ = try await copyTree(stage, of: "later") }
            #expect(void?.kind == .windowVoid && void?.found.contains("sf-snapshot") == true, "\(String(describing: void))")
            try await detach(stage)
            for id in ["snapshot", "later"] as [StepID] { try await stage.undo("snapshot", id: id, .systems(["disk"])) }
        }
    }

    @Test(arguments: [
        ("printf 'EFI PART' | dd of=disk.img bs=1 seek=512 conv=notrunc status=none", "a table of partitions (GPT)"),
        ("true", "none of them"),
        ("printf QFI | dd of=disk.img conv=notrunc status=none", "a qcow2 image"),
    ]) func whatIsNoFileSystemIsSaid(_ make: String, _ found: String) async throws {
        guard geteuid() == 0 else { throw StageError(text: "needs root") }
        let stage = try StepStage()
        try await shell("truncate -s 32M disk.img; \(make)", in: stage.folder.path)
        try stage.declare(system: "disk", "blockdevice", ["path": .string(stage.folder.file("disk.img"))])
        let error = await #expect(throws: StorageError.self) { _ = try await attach(stage) }
        #expect(error?.found == found && error?.advice.contains("as: image") == true, "\(String(describing: error))")
        try await detach(stage)
        #expect(try LoopDevices.over(folder: stage.folder.path) == [])
    }

    /// The number of an xfs stands in its clone, too.
    @Test func aCloneIsMountedBesideItsOriginal() async throws {
        try await withDisk { stage, image, _ in
            let guest = stage.folder.file("guest")
            try await shell(
                """
                mkdir '\(guest)'; rm '\(image)'; truncate -s 320M '\(image)'; mkfs.xfs -q '\(image)'
                mount -o loop '\(image)' '\(guest)'; echo inside > '\(guest)/file'; sync -f '\(guest)'
                """)
            try await stage.run("snapshot", id: "snapshot", .systems(["disk"]))
            let state = try await attach(stage, of: "snapshot")
            #expect(state["fileSystem"] == "xfs")
            #expect(try await copyTree(stage, of: "snapshot").outputs["filesNew"] == 1)
            try await detach(stage)
            try await shell("umount '\(guest)'")
            try await stage.undo("snapshot", id: "snapshot", .systems(["disk"]))
        }
    }
}
