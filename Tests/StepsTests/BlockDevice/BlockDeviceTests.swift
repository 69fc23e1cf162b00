import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

@Suite struct BlockDeviceTests {
    private func shell(_ script: String, in folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    private func stage(image: String? = nil, _ settings: [String: JSONValue] = [:]) async throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        let path = image ?? stage.folder.file("disk.img")
        _ = try await shell(
            """
            truncate -s 24M '\(path)'
            dd if=/dev/urandom of='\(path)' bs=1M count=3 seek=2 conv=notrunc status=none
            dd if=/dev/urandom of='\(path)' bs=1 count=5000 seek=20000003 conv=notrunc status=none
            """, in: stage.folder.path)
        try stage.declare(system: "disk", "blockdevice", settings.merging(["path": .string(path)]) { own, _ in own })
        return stage
    }

    private func same(_ one: String, _ other: String) async throws -> Bool {
        try await shell("cmp -s '\(one)' '\(other)' && echo yes || echo no", in: "/") == "yes\n"
    }

    @Test func anImageFileComesBackWithItsHoles() async throws {
        let stage = try await stage()
        let copy = try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        #expect(copy.missed == [] && copy.outputs["extentsRead"] == 4, "\(copy.outputs)")
        #expect(copy.bases.isEmpty)
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")

        let target = stage.folder.file("restored.img")
        try stage.declare(system: "target", "blockdevice", ["path": .string(target)])
        let restored = try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        #expect(restored.outputs["bytes"] == .int(24 << 20))
        #expect(try await same(stage.folder.file("disk.img"), target))
        let blocks = try await shell("stat -c %b '\(target)'", in: "/")
        #expect(try #require(Int(blocks.filter(\.isNumber))) * 512 < 8 << 20)

        // What is there stays unless told otherwise; nothing half made is left.
        await #expect(throws: StorageError.self) {
            try await stage.run("restore", id: "again", .snapshot("latest"), ["from": "vault", "to": "target"])
        }
        try Data("mine".utf8).write(to: URL(fileURLWithPath: target))
        try await stage.run("restore", id: "over", .snapshot("latest"), ["from": "vault", "to": "target", "overwrite": true])
        #expect(try await same(stage.folder.file("disk.img"), target))
        #expect(try await shell("ls -A", in: stage.folder.path).contains(".part") == false)

        // Into a folder it comes as a file, and a folder's copy does not fit an image.
        try stage.declare(system: "folder", "directory", ["path": .string(stage.folder.file("out"))])
        try await stage.run("restore", id: "as-file", .snapshot("latest"), ["from": "vault", "to": "folder"])
        #expect(try await same(stage.folder.file("disk.img"), stage.folder.file("out/disk.img")))
        try stage.declare(system: "files", "directory", ["path": .string(stage.folder.file("out"))])
        try await stage.run("copy", id: "copy-files", .systems(["files"]), ["to": "vault"])
        await #expect(throws: StepError.self) {
            try await stage.run(
                "restore", id: "wrong", .snapshot("latest"), ["from": "vault", "to": "target", "system": "files", "overwrite": true])
        }
        #expect(try await same(stage.folder.file("disk.img"), target))
    }

    @Test func whatIsReplacedIsTheImageAndStaysItsUsers() async throws {
        let stage = try await stage()
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        func restore(to path: String, overwrite: Bool = true) async throws {
            try stage.declare(system: "target", "blockdevice", ["path": .string(path)])
            try await stage.run(
                "restore", id: StepID("restore-\(UInt32.random(in: .min ... .max))"), .snapshot("latest"),
                ["from": "vault", "to": "target", "overwrite": .bool(overwrite)])
        }
        let target = stage.folder.file("guest.img")
        // A mistyped device is no file in memory.
        let mistyped = await #expect(throws: StorageError.self) { try await restore(to: "/dev/snappy-flow-nosuch", overwrite: false) }
        #expect(mistyped?.advice.contains("lsblk") == true && !FileManager.default.fileExists(atPath: "/dev/snappy-flow-nosuch"))
        // Whose it is, and who may open it, stays; a link to it stays a link.
        _ = try await shell(
            "echo old > '\(target)'; chmod 640 '\(target)'; setfattr -n user.role -v disk '\(target)'; ln -s guest.img current.img",
            in: stage.folder.path)
        if geteuid() == 0 { _ = try await shell("chown nobody:nogroup '\(target)'", in: "/") }
        let before = try await shell("stat -c '%U %G %a' '\(target)'", in: "/")
        try await restore(to: stage.folder.file("current.img"))
        #expect(try await same(stage.folder.file("disk.img"), target))
        #expect(try await shell("stat -c '%U %G %a' '\(target)'", in: "/") == before)
        #expect(
            try await shell("getfattr --only-values -n user.role guest.img; readlink current.img", in: stage.folder.path)
                == "diskguest.img\n")
        // Nobody's disk is taken from under him.
        let user = try FileHandle(forUpdating: URL(fileURLWithPath: target))
        let used = await #expect(throws: StorageError.self) { try await restore(to: target) }
        #expect(used?.advice.contains("losetup") == true, "\(String(describing: used))")
        try user.close()
        try await restore(to: target)
        _ = try await shell("ln -s nowhere dangling.img", in: stage.folder.path)
        let dangling = await #expect(throws: StorageError.self) { try await restore(to: stage.folder.file("dangling.img")) }
        #expect(dangling?.found.contains("nowhere") == true)
    }

    @Test func verificationRestoresAnImageAndReadsItBack() async throws {
        let stage = try await stage()
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        let scratch = try await stage.run("verify", id: "scratch", .step("copy"), ["read": "all", "restore": [:]])
        #expect(scratch.proofs.map(\.level) == [.restore] && scratch.proofs.allSatisfy { $0.isGood }, "\(scratch.proofs)")
        try stage.declare(system: "trial", "blockdevice", ["path": .string(stage.folder.file("trial.img"))])
        let into = try await stage.run("verify", id: "into", .step("copy"), ["restore": ["into": "trial"]])
        #expect(into.proofs.allSatisfy { $0.isGood && $0.level == .restore }, "\(into.proofs)")
        #expect(try await same(stage.folder.file("disk.img"), stage.folder.file("trial.img")))
    }

    /// xfs clones the image in an instant; the next clone still shares what nobody wrote to.
    @Test func clonesTellWhatChanged() async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount an xfs")
            let image = mount + "/disk.img"
            let stage = try await stage(image: image)
            func round(_ name: String) async throws -> StepResult {
                try await stage.run("snapshot", id: StepID("snapshot-\(name)"), .systems(["disk"]))
                // What is written after the snapshot is not in its copy.
                _ = try await shell("printf late | dd of='\(image)' bs=1 seek=12000000 conv=notrunc status=none", in: "/")
                let copy = try await stage.run(
                    "copy", id: StepID("copy-\(name)"), .systems(["disk"]), ["to": "vault"],
                    snapshots: ["disk": StepID("snapshot-\(name)")])
                stage.recorder.set(bases: copy.bases)
                #expect(copy.bases.count == 1)
                return copy
            }
            let first = try await round("1")
            #expect(first.outputs["extentsRead"] == 4, "\(first.outputs)")
            _ = try await shell(
                """
                printf changed | dd of='\(image)' bs=1 seek=3000000 conv=notrunc status=none
                fallocate --punch-hole --offset 4M --length 1M '\(image)'
                sync '\(image)'
                cp '\(image)' '\(stage.folder.file("as-it-was"))'
                """, in: "/")
            let second = try await round("2")
            // The changed extent, and the one that "late" was written to; the hole needs no reading.
            #expect(second.outputs["extentsRead"] == 2 && second.outputs["extentsReused"] == 21, "\(second.outputs)\(stage.recorder.lines)")
            try stage.declare(system: "target", "blockdevice", ["path": .string(stage.folder.file("restored"))])
            try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
            #expect(try await same(stage.folder.file("as-it-was"), stage.folder.file("restored")))
            // The former base is gone: everything is read, and said to be.
            try FileManager.default.removeItem(atPath: mount + "/.snappy-flow-snapshots/sf-snapshot-2.image")
            let third = try await round("3")
            #expect(third.outputs["extentsReused"] == 0)
            #expect(stage.recorder.lines.contains { $0.hasPrefix("warning") && $0.contains("point in time") }, "\(stage.recorder.lines)")
        }
    }

    @Test func withoutClonesASnapshotIsABoundedCopy() async throws {
        let bounded = try await stage(["staging": "2MiB"])
        await #expect(throws: StorageError.self) { try await bounded.run("snapshot", id: "s", .systems(["disk"])) }
        let plain = try await stage()
        let folder = plain.folder.file(".snappy-flow-snapshots")
        do {
            try await plain.run("snapshot", id: "s", .systems(["disk"]))
        } catch let error as StorageError {  // where the test's folder is on a file system that clones, it works
            #expect(error.kind == .unsupported && error.advice.contains("staging"))
        }
        // What was begun for it goes with the undo.
        try await plain.undo("snapshot", id: "s", .systems(["disk"]))
        #expect(!FileManager.default.fileExists(atPath: folder))
        let stage = try await stage(["staging": "64MiB"])
        try await stage.run("snapshot", id: "s", .systems(["disk"]))
        let copy = try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "s"])
        #expect(copy.bases.isEmpty && copy.outputs["extentsRead"] == 4)
        // Who owns the folder may put something else in its place: a link to what only root can read, or a file of his own.
        let snapshots = stage.folder.file(".snappy-flow-snapshots")
        for planted in ["ln -sf /etc/shadow $f"] + (geteuid() == 0 ? ["rm $f; cp ../disk.img $f; chown 65534 $f"] : []) {
            _ = try await shell("for f in *; do \(planted); done", in: snapshots)
            await #expect(throws: StorageError.self, "\(planted)") {
                try await stage.run(
                    "copy", id: StepID("copy-\(UInt32.random(in: .min ... .max))"), .systems(["disk"]), ["to": "vault"],
                    snapshots: ["disk": "s"])
            }
        }
        try await stage.undo("snapshot", id: "s", .systems(["disk"]))
        #expect(!FileManager.default.fileExists(atPath: stage.folder.file(".snappy-flow-snapshots")))
    }

    /// A real device: written in place, zeros over what was there, and never while it is in use.
    @Test func aDeviceIsRestoredInPlace() async throws {
        try #require(geteuid() == 0, "needs root, for a loop device")
        let stage = try await stage()
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        let backing = stage.folder.file("backing")
        let device = try await shell(
            """
            head -c 32M /dev/urandom > '\(backing)'; truncate -s 8M '\(backing).small'; truncate -s 32M '\(backing).used'; mkfs.ext4 -q '\(backing).used'
            losetup --find --show '\(backing)'; losetup --find --show '\(backing).small'; losetup --find --show '\(backing).used'
            """, in: "/"
        ).split(separator: "\n").map(String.init)
        let mount = stage.folder.file("mount")
        _ = try await shell("mkdir '\(mount)'; mount '\(device[2])' '\(mount)'", in: "/")
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await restoreOnto(device, stage)) } catch { outcome = .failure(error) }
        _ = try await shell("umount '\(mount)'; for device in \(device.joined(separator: " ")); do losetup -d $device; done", in: "/")
        try outcome.get()
    }

    private func restoreOnto(_ device: [String], _ stage: StepStage) async throws {
        for (name, path) in zip(["disk1", "small", "used"], device) {
            try stage.declare(system: name, "blockdevice", ["path": .string(path)])
        }
        func restore(_ target: String, overwrite: Bool) async throws {
            try await stage.run(
                "restore", id: StepID("to-\(target)"), .snapshot("latest"),
                ["from": "vault", "to": .string(target), "overwrite": .bool(overwrite)])
        }
        func refusal(_ target: String, overwrite: Bool) async -> StorageError? {
            do {
                try await restore(target, overwrite: overwrite)
                return nil
            } catch {
                return error as? StorageError
            }
        }
        let unforced = await refusal("disk1", overwrite: false)
        #expect(unforced?.kind == .exists)
        let small = await refusal("small", overwrite: true)
        #expect(small?.kind == .noSpace)
        let used = await refusal("used", overwrite: true)
        #expect(used?.found.contains("mounted") == true)
        try await restore("disk1", overwrite: true)
        #expect(
            try await shell("cmp -n \(24 << 20) '\(stage.folder.file("disk.img"))' '\(device[0])' && echo same", in: "/") == "same\n")
        // A device is a source like a file.
        try await stage.run("copy", id: "copy-device", .systems(["disk1"]), ["to": "vault"])
        let verified = try await stage.run("verify", id: "verify", .step("copy-device"), ["restore": [:]])
        #expect(verified.proofs.allSatisfy { $0.isGood })
    }

    /// Only what was asked for is written, into the image that is there.
    @Test func aPartIsRestoredInPlace() async throws {
        let stage = try await stage()
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        let (disk, target) = (stage.folder.file("disk.img"), stage.folder.file("other.img"))
        _ = try await shell("head -c 24M /dev/urandom > '\(target)'; cp '\(target)' '\(target).before'", in: "/")
        try stage.declare(system: "target", "blockdevice", ["path": .string(target)])
        func restore(_ range: String, overwrite: Bool = true) async throws {
            try await stage.run(
                "restore", id: StepID("part-\(UInt32.random(in: .min ... .max))"), .snapshot("latest"),
                ["from": "vault", "to": "target", "overwrite": .bool(overwrite), "range": .string(range)])
        }
        // From the middle of data over a hole to the middle of another extent.
        try await restore("3MiB+17000004B")
        let end = (3 << 20) + 17_000_004
        #expect(
            try await shell(
                """
                cmp -n \(3 << 20) '\(target)' '\(target).before' && cmp -i \(3 << 20) -n 17000004 '\(target)' '\(disk)' &&
                cmp -i \(end) '\(target)' '\(target).before' && stat -c %s '\(target)'
                """, in: "/") == "\(24 << 20)\n")
        await #expect(throws: StepError.self) { try await restore("0B+1MiB", overwrite: false) }
        let late = await #expect(throws: (any Error).self) { try await restore("23MiB+2MiB") }
        #expect((late as? any ExplainedError)?.advice.contains("range") == true, "\(String(describing: late))")
        _ = try await shell("truncate -s 10M '\(target)'", in: "/")
        let short = await #expect(throws: StorageError.self) { try await restore("9MiB+2MiB") }
        #expect(short?.kind == .noSpace)
        try stage.declare(system: "target", "blockdevice", ["path": .string(stage.folder.file("nothing"))])
        let missing = await #expect(throws: StorageError.self) { try await restore("0B+1MiB") }
        #expect(missing?.kind == .notFound)
        for text in ["5", "1MiB", "1MiB+0B", "-1B+2B", "1MiB+2MiB+3MiB", "x+y"] {
            let settings = Settings(["from": "v", "to": "t", "overwrite": true, "range": .string(text)], origin: "step x")
            #expect(Restore().problems(in: settings).map(\.setting) == ["range"], "\(text)")
        }
    }

    @Test func whatIsNoImageIsRefused() async throws {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        for (name, path) in [("folder", stage.folder.path), ("missing", stage.folder.file("nothing")), ("character", "/dev/null")] {
            try stage.declare(system: name, "blockdevice", ["path": .string(path)])
            await #expect(throws: StorageError.self) { try await stage.run("copy", id: "copy", .systems([name]), ["to": "vault"]) }
        }
    }
}
