import FlowModel
import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct FileSystemTests {
    private func stage(_ path: String) throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "fs", "filesystem", ["path": .string(path)])
        return stage
    }

    private func refusal(_ stage: StepStage, _ verb: String = "quiesce", _ settings: [String: JSONValue] = [:]) async -> StorageError? {
        do {
            try await stage.run(verb, id: "step", .systems(["fs"]), settings)
            return nil
        } catch {
            return error as? StorageError
        }
    }

    @Test(arguments: ["ext4", "xfs", "btrfs"]) func theKernelFreezesAndThaws(_ type: String) async throws {
        let mount = try await LoopMount(type)
        let stage = try stage(mount.path)
        try await stage.run("quiesce", id: "q", .systems(["fs"]))
        #expect(try await mount.isFrozen)
        // It can be read meanwhile.
        _ = try FileManager.default.contentsOfDirectory(atPath: mount.path)
        try await stage.undo("quiesce", id: "q", .systems(["fs"]))
        #expect(try await !mount.isFrozen)
        try await stage.undo("quiesce", id: "q", .systems(["fs"]))
    }

    @Test func somebodyElsesFreezeIsLeftAlone() async throws {
        let mount = try await LoopMount("ext4")
        let stage = try stage(mount.path)
        try await HostProgram.run(["fsfreeze", "--freeze", mount.path])
        let error = await refusal(stage)
        #expect(error?.found.contains("frozen already") == true && error?.retry == .transient, "\(String(describing: error))")
        // The engine undoes whatever was begun.
        try await stage.undo("quiesce", id: "step", .systems(["fs"]))
        #expect(try await mount.isFrozen)
        try await HostProgram.run(["fsfreeze", "--unfreeze", mount.path])
    }

    /// The worker died between asking the kernel and recording that it had.
    @Test func aFreezeThatNobodyRecordedIsThawed() async throws {
        let mount = try await LoopMount("ext4")
        let stage = try stage(mount.path)
        let dead = try await HostProgram.run(["bash", "-c", "echo $$"])
        let identity = try #require(FileSystemIdentity(ofPath: mount.path))
        let mark = FreezeMark(key: "sf-q", path: mount.path)
        try mark.write(
            FreezeMark.Record(path: mount.path, fileSystem: identity.text, asking: Int32(dead.filter(\.isNumber))))
        try await HostProgram.run(["fsfreeze", "--freeze", mount.path])
        try await stage.undo("quiesce", id: "q", .systems(["fs"]))
        #expect(try await !mount.isFrozen)
        #expect(mark.read() == nil)
    }

    @Test func whatIsNotMountedThereIsNotFrozen() async throws {
        let folder = try ScratchFolder()
        let stage = try stage(folder.path)
        let error = await refusal(stage)
        #expect(error?.kind == .invalid && error?.found.contains("a folder of the") == true, "\(String(describing: error))")
        let copy = await refusal(stage, "copy", ["to": "vault"])
        #expect(copy?.kind == .invalid)
    }

    @Test func aFileSystemThatCannotBeFrozenIsNamed() async throws {
        let stage = try stage("/proc")
        let error = await refusal(stage)
        #expect(error?.kind == .unsupported && error?.found == "proc", "\(String(describing: error))")
        #expect(FreezeMark(key: "sf-step", path: "/proc").read() == nil)
    }

    /// Who made the folder of marks before us says neither what is frozen nor where we write.
    @Test func marksOfSomebodyElseAreNone() throws {
        try requireRoot("a folder of somebody else's")
        let folder = try ScratchFolder("marks")
        let (his, target) = (folder.file("freezes"), folder.file("target"))
        let mark = FreezeMark(key: "sf-step", path: "/srv", in: his)
        let record = FreezeMark.Record(path: "/srv", fileSystem: "ext4:1")
        try mark.write(record)
        #expect(mark.read()?.path == "/srv")
        try "root's own".write(toFile: target, atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(atPath: "\(his)/\(mark.name)")
        symlink(target, "\(his)/\(mark.name)")
        chown(his, 65534, 0)
        let error = #expect(throws: StorageError.self) { try mark.write(record) }
        #expect(error?.kind == .accessDenied && error?.location == his, "\(error.map { "\($0)" } ?? "")")
        #expect(mark.read() == nil)
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "root's own")
    }

    @Test func theEnginesOwnFileSystemIsRefused() async throws {
        // Another subvolume of the same btrfs has another device number.
        let mount = try await LoopMount("btrfs")
        try await HostProgram.run(["btrfs", "-q", "subvolume", "create", mount.path + "/state"])
        let stage = try stage(mount.path)
        for own in [mount.path, mount.path + "/state/database"] {
            var (system, context) = try await stage.open("fs", as: (any Quiescing).self)
            context.neverFreeze = [own]
            let error = await #expect(throws: StepError.self) { try await system.quiesce(key: "own", maxHold: .seconds(30), context) }
            #expect(error?.found.contains("the one that holds \(own)") == true)
            system = try await stage.open("fs", as: (any Quiescing).self).0
        }
        #expect(try await !mount.isFrozen)
    }

    /// A snapshot that would wait for the thaw that waits for the snapshot.
    @Test(arguments: ["directory", "btrfs", "blockdevice"]) func nothingIsWrittenToWhatIsFrozen(_ type: String) async throws {
        let mount = try await LoopMount(type == "btrfs" ? "btrfs" : "xfs")
        try Data("x".utf8).write(to: URL(fileURLWithPath: mount.path + "/file"))
        let stage = try stage(mount.path)
        try stage.declare(
            system: "data", type,
            ["path": .string(type == "blockdevice" ? mount.path + "/file" : mount.path)].merging(
                type == "btrfs" ? [:] : ["staging": "1MiB"]
            ) { $1 })
        try await stage.run("quiesce", id: "q", .systems(["fs"]))
        let error = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems(["data"])) }
        #expect(error?.found.contains("frozen by this window") == true, "\(String(describing: error))")
        try await stage.undo("quiesce", id: "q", .systems(["fs"]))
        try await stage.run("snapshot", id: "s", .systems(["data"]))
        try await stage.undo("snapshot", id: "s", .systems(["data"]))
    }

    @Test func theFilesOfThisFileSystemAreCopiedAndNoOthers() async throws {
        let mount = try await LoopMount("ext4")
        let inner = try await LoopMount("xfs", at: mount.path + "/inner")
        try Data("outer".utf8).write(to: URL(fileURLWithPath: mount.path + "/one"))
        try Data("inner".utf8).write(to: URL(fileURLWithPath: inner.path + "/two"))
        let stage = try stage(mount.path)
        let copy = try await stage.run("copy", id: "copy", .systems(["fs"]), ["to": "vault", "excludes": ["lost+found"]])
        #expect(copy.missed == [])
        let listing = try await stage.restic("vault").succeed("ls", "latest")
        #expect(listing.contains("\(mount.path)/one\n") && listing.contains("\(mount.path)/inner\n") && !listing.contains("two"))
    }

    /// More than fit into the piece that the kernel gives at once.
    @Test func theNewestOfManyMountsIsSeen() async throws {
        let folder = try ScratchFolder("mounts")
        let script = """
            cd "$1" || exit 1
            for n in $(seq 100); do mkdir "$n" && mount -t tmpfs -o size=4k none "$n" || exit 1; done
            """
        let undo = #"cd "$1" && for n in $(seq 100); do umount "$n"; done; true"#
        let table: MountTable
        do {
            _ = try await HostProgram.run(["/bin/sh", "-c", script, "sh", folder.path])
            table = try MountTable.current()
            _ = try await HostProgram.run(["/bin/sh", "-c", undo, "sh", folder.path])
        } catch {
            _ = try? await HostProgram.run(["/bin/sh", "-c", undo, "sh", folder.path])
            throw error
        }
        let real = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
        #expect(table.mounts.filter { $0.point.hasPrefix(real + "/") }.count == 100)
    }

    @Test func theMountTableIsRead() throws {
        let table = MountTable(
            """
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            40 22 0:40 / /mnt/two\\040words\\134 rw master:3 propagate_from:2 - btrfs /dev/sdb rw,space_cache
            41 22 0:41 / /mnt/two\\040words\\134 rw - tmpfs tmpfs rw
            not a line
            """)
        #expect(table.mounts.count == 3)
        #expect(try table.mount(at: "/").device == "/dev/sda1")
        #expect(try table.mount(at: "/mnt/two words\\").type == "tmpfs")
        #expect(throws: StorageError.self) { try table.mount(at: "/mnt") }
    }
}
