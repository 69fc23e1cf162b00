import Basics
import FlowModel
import Foundation
import Glibc
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Disks that belong together, with what defines them: one snapshot of one instant, one copy, and each part again. As root, on a real xfs.
@Suite struct GuestTests {
    @discardableResult
    private func shell(_ script: String, in folder: String = "/") async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    /// Two disks of 8 MiB with something in them, and a definition, on an xfs that can clone.
    private func withGuest(_ body: (StepStage, _ folder: String) async throws -> Void) async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount an xfs")
            let stage = try StepStage()
            stage.declare(repository: "vault")
            try await shell(
                """
                mkdir disks; truncate -s 8M disks/a.img disks/b.img
                head -c 3000000 /dev/urandom | dd of=disks/a.img bs=1M seek=1 conv=notrunc status=none iflag=fullblock
                head -c 2000000 /dev/urandom | dd of=disks/b.img bs=1M seek=4 conv=notrunc status=none iflag=fullblock
                echo '<domain/>' > disks/guest.xml; chmod 640 disks/guest.xml
                """, in: mount)
            try stage.declare(system: "guest", "guest", settings(mount + "/disks"), identity: "guest:web")
            try await body(stage, mount + "/disks")
        }
    }

    private func settings(_ folder: String) -> [String: JSONValue] {
        [
            "disks": ["vda": .string(folder + "/a.img"), "vdb": .string(folder + "/b.img")],
            "definition": [.string(folder + "/guest.xml")],
        ]
    }

    @discardableResult
    private func copy(_ stage: StepStage, _ id: StepID, of snapshot: StepID? = nil) async throws -> StepResult {
        try await stage.run("copy", id: id, .systems(["guest"]), ["to": "vault"], snapshots: snapshot.map { ["guest": $0] } ?? [:])
    }

    @Test func allPartsAreOneCopyThatStockResticReads() async throws {
        try await withGuest { stage, folder in
            try await stage.run("snapshot", id: "snapshot", .systems(["guest"]))
            try await shell("cp --reflink=never -r '\(folder)' '\(stage.folder.file("then"))'")
            try await shell("head -c 4096 /dev/urandom | dd of=a.img conv=notrunc status=none; echo new > guest.xml", in: folder)
            let result = try await copy(stage, "copy", of: "snapshot")
            #expect(result.missed == [] && result.bases.count == 1)
            #expect(result.outputs["filesNew"] == 3 && result.outputs["extentsRead"]?.intValue ?? 0 >= 5, "\(result.outputs)")
            let judge = try stage.restic("vault")
            try await judge.succeed("check", "--read-data")
            let listing = try await judge.succeed("ls", "latest")
            for part in ["vda", "vdb", "definition/guest.xml"] { #expect(listing.contains("/guest/web/\(part)\n"), "\(listing)") }
            try await judge.succeed("restore", "latest", "--target", stage.folder.file("back"))
            let (back, then) = (stage.folder.file("back") + "/guest/web", stage.folder.file("then"))
            try await shell(
                "cmp '\(back)/vda' '\(then)/a.img'; cmp '\(back)/vdb' '\(then)/b.img'; cmp '\(back)/definition/guest.xml' '\(then)/guest.xml'")
            #expect(try await shell("stat -c %a '\(back)/definition/guest.xml'") == "640\n")
            try await stage.undo("snapshot", id: "snapshot", .systems(["guest"]))
            #expect(!FileManager.default.fileExists(atPath: folder + "/.snappy-flow-snapshots"))
        }
    }

    /// Each disk has its own increment, from one base.
    @Test func theNextCopyReadsWhatChangedOfEachDisk() async throws {
        try await withGuest { stage, folder in
            try await stage.run("snapshot", id: "s1", .systems(["guest"]))
            let first = try await copy(stage, "c1", of: "s1")
            stage.recorder.set(bases: first.bases)
            try await shell("head -c 4096 /dev/urandom | dd of=b.img bs=1M seek=4 conv=notrunc status=none", in: folder)
            try await stage.run("snapshot", id: "s2", .systems(["guest"]))
            let second = try await copy(stage, "c2", of: "s2")
            #expect(second.outputs["extentsRead"] == 1 && second.outputs["extentsReused"] == 15, "\(second.outputs)")
            #expect(stage.recorder.lines.contains { $0.contains("guest, vda: 8 extents") && $0.contains(" 0 read") }, "\(stage.recorder.lines)")
            let judge = try stage.restic("vault")
            try await judge.succeed("check", "--read-data")
            try await judge.succeed("restore", "latest", "--target", stage.folder.file("back"))
            let back = stage.folder.file("back") + "/guest/web"
            try await shell("cmp '\(back)/vda' a.img; cmp '\(back)/vdb' b.img", in: folder)
            for id in ["s1", "s2"] as [StepID] { try await stage.undo("snapshot", id: id, .systems(["guest"])) }
        }
    }

    /// A writer that writes one number to the first disk and then to the second: at any instant the first is ahead by one at most, and never behind.
    @Test func noSnapshotIsOfTwoInstants() async throws {
        try await withGuest { stage, folder in
            let script = """
                import os, random, sys, time
                disks = [os.open(path, os.O_RDWR) for path in sys.argv[1:]]
                number, random = 0, random.Random(7)
                print("ready", flush=True)
                end = time.monotonic() + 300
                while time.monotonic() < end and os.getppid() != 1:
                    number += 1
                    for disk in disks: os.pwrite(disk, number.to_bytes(8, "little"), 4096)
                    time.sleep(random.random() * 0.04 if number % 8 else 0.6)
                """
            let writer = Process()
            writer.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            writer.arguments = ["python3", "-c", script, folder + "/a.img", folder + "/b.img"]
            let said = Pipe()
            writer.standardOutput = said
            try writer.run()
            defer { kill(writer.processIdentifier, SIGKILL) }
            #expect(said.fileHandleForReading.availableData.count > 0)
            let (system, context) = try await stage.open("guest", as: (any PartSource & Snapshotting).self)
            var taken = 0
            for round in 0..<5 {
                let key = "round-\(round)"
                do {
                    let snapshot = try await system.snapshot(key: key, context)
                    taken += 1
                    let numbers = try await system.withParts(of: snapshot, context) { parts in
                        try parts.compactMap { part -> UInt64? in
                            guard case .image(let image) = part.content else { return nil }
                            return try image.bytes(4096..<4104).reversed().reduce(0) { $0 << 8 | UInt64($1) }
                        }
                    }
                    #expect(numbers.count == 2 && (numbers[0] == numbers[1] || numbers[0] == numbers[1] + 1), "\(numbers)")
                } catch let error as StorageError where error.kind == .unavailable {
                    // No moment between two writes: then there is none, and it is said.
                    #expect(error.advice.contains("quiesce") && error.retry == .transient)
                    #expect(try await system.find(key: key, context) == nil)
                }
                try await system.release(key: key, context)
            }
            #expect(taken > 0, "a machine that is never that slow")
        }
    }

    @Test func eachPartComesBackWhereItBelongs() async throws {
        try await withGuest { stage, folder in
            try await copy(stage, "copy")
            let then = stage.folder.file("then")
            try await shell("cp --reflink=never -r '\(folder)' '\(then)'")
            // All of it, over what has changed since.
            try await shell("head -c 100000 /dev/urandom > a.img; truncate -s 9M b.img; echo other > guest.xml; chmod 600 guest.xml", in: folder)
            await #expect(throws: (any Error).self) {
                try await stage.run("restore", id: "r0", .snapshot("latest"), ["from": "vault", "to": "guest"])
            }
            try await stage.run("restore", id: "r1", .snapshot("latest"), ["from": "vault", "to": "guest", "overwrite": true])
            try await shell("cmp a.img '\(then)/a.img'; cmp b.img '\(then)/b.img'; cmp guest.xml '\(then)/guest.xml'", in: folder)
            #expect(try await shell("stat -c %a guest.xml", in: folder) == "640\n")
            // One disk: in its own place, as an image of another system, as a file.
            try await shell("rm a.img b.img guest.xml", in: folder)
            try await stage.run("restore", id: "r2", .snapshot("latest"), ["from": "vault", "to": "guest", "part": "vdb"])
            try await shell("cmp b.img '\(then)/b.img'; test ! -e a.img; test ! -e guest.xml", in: folder)
            try stage.declare(system: "disk", "blockdevice", ["path": .string(stage.folder.file("disk.img"))])
            let ofGuest: [String: JSONValue] = ["from": "vault", "system": "guest"]
            try await stage.run(
                "restore", id: "r3", .snapshot("latest"), ofGuest.merging(["to": "disk", "part": "vda"]) { $1 })
            try await shell("cmp '\(stage.folder.file("disk.img"))' '\(then)/a.img'")
            try stage.declare(system: "files", "directory", ["path": .string(stage.folder.file("files"))])
            for part in ["vda", "definition"] {
                try await stage.run(
                    "restore", id: StepID("r4-\(part)"), .snapshot("latest"),
                    ofGuest.merging(["to": "files", "part": .string(part), "overwrite": true]) { $1 })
            }
            try await shell("cmp vda '\(then)/a.img'; cmp guest.xml '\(then)/guest.xml'", in: stage.folder.file("files"))
            await #expect(throws: (any Error).self) {
                try await stage.run("restore", id: "r5", .snapshot("latest"), ofGuest.merging(["to": "disk", "part": "vdz"]) { $1 })
            }
            try stage.declare(system: "one", "guest", ["disks": ["vda": .string(stage.folder.file("one.img"))]])
            let foreign = await #expect(throws: StepError.self) {
                try await stage.run("restore", id: "r6", .snapshot("latest"), ofGuest.merging(["to": "one"]) { $1 })
            }
            #expect(foreign?.found.contains("vdb") == true || foreign?.found.contains("definition") == true, "\(String(describing: foreign))")
        }
    }

    /// A device is written in place: what the copy says nothing of reads as zeros.
    @Test func aDiskThatIsADeviceIsZeroedWhereTheCopyIsEmpty() async throws {
        try await withGuest { stage, folder in
            try await copy(stage, "copy")
            try await shell("tr '\\0' 'x' < /dev/zero | head -c 8388608 > '\(stage.folder.file("backing"))'")
            let device = try await shell("losetup -f --show '\(stage.folder.file("backing"))'").trimmingCharacters(in: .newlines)
            defer { LoopDevices.release(folder: stage.folder.path) }
            try stage.declare(system: "device", "guest", ["disks": ["vda": .string(device)]])
            try await stage.run(
                "restore", id: "restore", .snapshot("latest"),
                ["from": "vault", "to": "device", "system": "guest", "part": "vda", "overwrite": true])
            try await shell("cmp '\(device)' a.img; losetup -d '\(device)'", in: folder)
        }
    }

    @Test func allOfItIsVerified() async throws {
        try await withGuest { stage, folder in
            try await copy(stage, "copy")
            let scratch = try await stage.run("verify", id: "v1", .step("copy"), ["restore": [:]])
            #expect(scratch.failure == nil && scratch.proofs.count == 1, "\(String(describing: scratch.failure))")
            let again = stage.folder.file("again")
            try await shell("mkdir '\(again)'")
            try stage.declare(system: "again", "guest", settings(again))
            let restored = try await stage.run("verify", id: "v2", .step("copy"), ["restore": ["into": "again"]])
            #expect(restored.failure == nil, "\(String(describing: restored.failure))")
            try await shell("cmp a.img '\(again)/a.img'; cmp b.img '\(again)/b.img'; cmp guest.xml '\(again)/guest.xml'", in: folder)
            #expect("\(restored.proofs)".contains("\(16 << 20)"), "both disks were compared: \(restored.proofs)")
        }
    }

    @Test(
        arguments: [
            ["disks": [:]], ["disks": ["definition": "/a"]], ["disks": ["vda": "/a", "vdb": "/a"]], ["disks": ["v/a": "/a"]],
            ["disks": ["vda": "/a"], "definition": ["/x/guest.xml", "/y/guest.xml"]],
        ] as [[String: JSONValue]])
    func whatCanNotBeIsSaidBeforeAnythingRuns(_ settings: [String: JSONValue]) {
        #expect(GuestType().problems(in: Settings(settings, origin: "system guest")).count == 1)
    }
}
