import Basics
import FlowModel
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import CephSteps
@testable import Steps

@Suite struct CephRBDTests {
    private func stage(_ image: ScratchImage, _ more: [String: JSONValue] = [:]) throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "disk", "ceph-rbd", image.settings.merging(more) { $1 })
        return stage
    }

    /// A snapshot and its copy; the snapshot stays as the base of the next.
    private func round(_ stage: StepStage, _ number: Int) async throws -> StepResult {
        try await stage.run("snapshot", id: StepID("snapshot-\(number)"), .systems(["disk"]))
        let copy = try await stage.run(
            "copy", id: StepID("copy-\(number)"), .systems(["disk"]), ["to": "vault"],
            snapshots: ["disk": StepID("snapshot-\(number)")])
        stage.recorder.set(bases: copy.bases)
        return copy
    }

    private func restored(_ stage: StepStage, like image: ScratchImage, _ more: [String: JSONValue] = [:]) async throws -> ScratchImage {
        let target = "restored\(UInt32.random(in: .min ... .max))"
        try stage.declare(
            system: "target", "ceph-rbd", image.settings.merging(["image": .string(target)]) { $1 }.merging(more) { $1 })
        try await stage.run("restore", id: StepID("restore-\(target)"), .snapshot("latest"), ["from": "vault", "to": "target"])
        return try await ScratchImage(named: target, in: image.ceph)
    }

    @Test(arguments: [
        [], ["--image-feature", "layering"], ["--object-size", "1M"], ["--data-pool", "data"],
        ["--image-feature", "layering,exclusive-lock,object-map,fast-diff", "--stripe-unit", "65536", "--stripe-count", "4"],
    ])
    func anIncrementReadsWhatChangedAndComesBackBitForBit(_ options: [String]) async throws {
        if options.contains("data") {
            let ceph = try await CephRig.running()
            _ = try? await ceph.run("ceph", "osd", "pool", "create", "data", "8", "8")
        }
        let image = try await ScratchImage(size: 64 << 20, options)
        let stage = try stage(image)
        try image.write(noise(9_000_000, seed: 1), at: 3_000_001)
        try image.write(noise(5000, seed: 2), at: (63 << 20) + 77)
        let first = try await round(stage, 1)
        #expect(first.bases.count == 1 && first.outputs["extentsReused"] == 0, "\(first.outputs)")
        // Of 64 extents of 1 MiB those are read whose objects hold something; striping spreads them.
        let read = try #require(first.outputs["extentsRead"]?.intValue)
        #expect(read >= 10 && read < 40, "\(first.outputs)")

        try image.write(noise(100, seed: 3), at: 40 << 20)
        try image.open().zero((4 << 20)..<(8 << 20))
        try image.write(noise(4096, seed: 4), at: 11_000_000)
        let second = try await round(stage, 2)
        let again = try #require(second.outputs["extentsRead"]?.intValue)
        // Three objects changed, one of them to nothing: no more than they are is read.
        let objects: Int64 = options.contains("--stripe-count") ? 16 : 4
        #expect(again <= 3 * objects && again > 0, "\(second.outputs)")
        #expect((second.outputs["extentsReused"]?.intValue ?? 0) >= 64 - 5 * objects)
        #expect(stage.recorder.lines.filter { $0.contains("read in full") }.isEmpty)
        let target = try await restored(stage, like: image)
        #expect(try target.bytes() == image.bytes())
        try await stage.restic("vault").succeed("check", "--read-data")

        // Nothing happened: nothing but the sample is read.
        #expect(try await round(stage, 3).outputs["extentsRead"] == 0)
    }

    @Test func anImageThatGrowsAndShrinksStaysRight() async throws {
        let image = try await ScratchImage(size: 24 << 20)
        let stage = try stage(image)
        try image.write(noise(24 << 20, seed: 1), at: 0)
        _ = try await round(stage, 1)
        for (number, size) in [(2, 40), (3, 9), (4, 24)] as [(Int, Int64)] {
            try image.open().resize(to: size << 20)
            if number == 2 { try image.write(noise(3000, seed: 7), at: 39 << 20) }
            _ = try await round(stage, number)
            let target = try await restored(stage, like: image)
            #expect(try target.bytes() == image.bytes(), "\(size) MiB")
        }
    }

    @Test func aCloneIsWholeAndItsParentIsLeftAlone() async throws {
        let parent = try await ScratchImage(size: 16 << 20)
        try parent.write(noise(6 << 20, seed: 1), at: 1 << 20)
        try await parent.ceph.run("rbd", "snap", "create", "\(parent.name)@golden")
        try await parent.ceph.run("rbd", "snap", "protect", "\(parent.name)@golden")
        let child = "clone\(UInt32.random(in: .min ... .max))"
        try await parent.ceph.run("rbd", "clone", "\(parent.name)@golden", child)
        let image = try await ScratchImage(named: child)
        try image.write(noise(100, seed: 2), at: 2 << 20)
        try image.write(noise(100, seed: 3), at: 12 << 20)
        let stage = try stage(image)
        _ = try await round(stage, 1)
        #expect(try await restored(stage, like: image).bytes() == image.bytes())
        try await parent.ceph.run("rbd", "flatten", child)
        try image.write(noise(100, seed: 4), at: 5 << 20)
        _ = try await round(stage, 2)
        #expect(try await restored(stage, like: image).bytes() == image.bytes())
    }

    /// A guest that has the image open, and its lock, goes on writing.
    @Test func theLocksOwnerGoesOn() async throws {
        let image = try await ScratchImage(size: 16 << 20)
        let guest = try image.open()
        try noise(1 << 20, seed: 1).withUnsafeBytes { try guest.write($0, at: 0) }
        let stage = try stage(image)
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        let then = try image.bytes()
        try noise(1 << 20, seed: 2).withUnsafeBytes { try guest.write($0, at: 500_000) }
        try guest.flush()
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-1"])
        try noise(100, seed: 3).withUnsafeBytes { try guest.write($0, at: 9 << 20) }
        #expect(try await restored(stage, like: image).bytes() == then)
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        #expect(try guest.snapshots().isEmpty)

        // A restore never goes over what somebody uses.
        let used = await #expect(throws: StorageError.self) {
            try await stage.run("restore", id: "over", .snapshot("latest"), ["from": "vault", "to": "disk", "overwrite": true])
        }
        #expect(used?.found.contains("open at") == true, "\(String(describing: used))")
    }

    @Test func aRestoreReplacesOnlyWhenToldAndLeavesNothingHalf() async throws {
        let image = try await ScratchImage(size: 12 << 20)
        try image.write(noise(3 << 20, seed: 1), at: 1 << 20)
        let stage = try stage(image)
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        let before = try image.bytes()
        try image.write(noise(12 << 20, seed: 9), at: 0)
        let refused = await #expect(throws: StorageError.self) {
            try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "disk"])
        }
        #expect(refused?.kind == .exists)
        try image.open().resize(to: 20 << 20)
        try await stage.run("restore", id: "over", .snapshot("latest"), ["from": "vault", "to": "disk", "overwrite": true])
        #expect(try image.bytes() == before)
        // A part goes into the image that is there.
        try image.write(noise(12 << 20, seed: 8), at: 0)
        let noisy = try image.bytes()
        try await stage.run(
            "restore", id: "part", .snapshot("latest"), ["from": "vault", "to": "disk", "overwrite": true, "range": "1500KiB+4MiB"])
        let (start, end) = (1500 << 10, (1500 << 10) + (4 << 20))
        #expect(try image.bytes() == Array(noisy[..<start]) + Array(before[start..<end]) + Array(noisy[end...]))
        // What a restore that was killed left behind is in nobody's way.
        try image.pool.makeImage("\(image.name)-new.snappy-flow-restore", size: 1 << 20, RBDShape())
        let target = try await restored(
            stage, like: image, ["image": .string(image.name + "-new"), "objectSize": "1MiB", "features": ["layering"]])
        _ = target
        let made = try await ScratchImage(named: image.name + "-new")
        #expect(try made.bytes() == before)
        let shown = try await image.ceph.run("rbd", "info", made.name)
        #expect(shown.contains("order 20") && !shown.contains("object-map"), "\(shown)")
        #expect(try image.pool.images().filter { $0.hasPrefix(image.name) && $0.hasSuffix("-restore") }.isEmpty)
    }

    /// Over an image that is there, half is worse than none: it is said, by a word of its own. A new image is removed instead.
    @Test func aRestoreThatEndsHalfwaySaysWhatItLeft() async throws {
        let image = try await ScratchImage(size: 40 << 20)
        try image.write(noise(30 << 20, seed: 1), at: 4 << 20)
        let stage = try stage(image)
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        // The largest pack is one of data.
        let data = stage.folder.file("vault/data")
        let packs = try #require(FileManager.default.enumerator(atPath: data)).compactMap { $0 as? String }.filter { $0.count > 40 }
        func size(_ pack: String) -> Int {
            (try? FileManager.default.attributesOfItem(atPath: data + "/" + pack))?[.size] as? Int ?? 0
        }
        try FileManager.default.removeItem(atPath: data + "/" + #require(packs.max { size($0) < size($1) }))
        let half = await #expect(throws: StepError.self) {
            try await stage.run("restore", id: "over", .snapshot("latest"), ["from": "vault", "to": "disk", "overwrite": true])
        }
        #expect(half?.kind == .halfWritten && half?.advice.contains("let nobody use") == true, "\(String(describing: half))")
        try stage.declare(system: "new", "ceph-rbd", image.settings.merging(["image": .string(image.name + "-new")]) { $1 })
        let none = await #expect(throws: (any Error).self) {
            try await stage.run("restore", id: "new", .snapshot("latest"), ["from": "vault", "to": "new", "overwrite": true])
        }
        #expect((none as? StepError)?.kind != .halfWritten, "\(String(describing: none))")
        #expect(try !image.pool.images().contains { $0.hasPrefix(image.name + "-new") })
    }

    /// What is not declared is as it was, through the repository alone.
    @Test(arguments: [
        ["--image-feature", "layering,exclusive-lock,object-map,fast-diff,deep-flatten", "--object-size", "1M"],
        ["--image-feature", "layering,striping", "--object-size", "2M", "--stripe-unit", "64K", "--stripe-count", "4"],
        ["--image-feature", "exclusive-lock,journaling"],
    ])
    func aNewImageIsLikeItsSource(_ options: [String]) async throws {
        let image = try await ScratchImage(size: 12 << 20, options)
        try image.write(noise(5 << 20, seed: 4), at: 1 << 20)
        let stage = try stage(image)
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        let made = try await restored(stage, like: image)
        #expect(try made.bytes() == image.bytes())
        #expect(try made.open().shape() == image.open().shape())
        // By Ceph's own eyes, too.
        func shown(_ name: String) async throws -> [String] {
            try await image.ceph.run("rbd", "info", name).split(separator: "\n").map(String.init)
                .filter { line in ["order ", "features:", "stripe "].contains { line.contains($0) } }
        }
        #expect(try await shown(made.name) == shown(image.name))
        #expect(try await shown(made.name).count >= 2)
    }

    /// The header of an encrypted image is stored as it is: the one who has its passphrase opens what was restored.
    @Test(arguments: ["luks1", "luks2"]) func anEncryptedImageComesBackWithItsHeader(_ format: String) async throws {
        let image = try await ScratchImage(size: 40 << 20)
        let stage = try stage(image)
        let passphrase = stage.folder.file("passphrase")
        try "of the guest".write(toFile: passphrase, atomically: true, encoding: .utf8)
        try await image.ceph.run("rbd", "encryption", "format", image.name, format, passphrase)
        try image.write(noise(1 << 20, seed: 5), at: 30 << 20)
        try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"])
        let made = try await restored(stage, like: image)
        #expect(try made.bytes() == image.bytes())
        try await image.ceph.run("rbd", "export", "--no-progress", made.name, stage.folder.file("raw"))
        try await HostProgram.run(["cryptsetup", "open", "--test-passphrase", "--key-file", passphrase, stage.folder.file("raw")])
    }

    @Test func aBaseThatIsGoneOrOfAnotherImageIsNotTrusted() async throws {
        let image = try await ScratchImage(size: 12 << 20)
        try image.write(noise(3 << 20, seed: 1), at: 0)
        let stage = try stage(image)
        _ = try await round(stage, 1)
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        try image.write(noise(1000, seed: 2), at: 5 << 20)
        let second = try await round(stage, 2)
        #expect(second.outputs["extentsReused"] == 0, "\(second.outputs)")
        #expect(try await restored(stage, like: image).bytes() == image.bytes())
        // Another image of the same name, with a snapshot of the same name.
        for name in try image.open().snapshots().keys { try image.open().removeSnapshot(name) }
        try image.pool.removeImage(image.name)
        try image.pool.makeImage(image.name, size: 12 << 20, RBDShape())
        try image.write(noise(1000, seed: 3), at: 7 << 20)
        let key = try #require(stage.recorder.bases.first?.snapshot.key)
        try image.open().takeSnapshot("snappy-flow-\(key)")
        let third = try await round(stage, 3)
        #expect(third.outputs["extentsReused"] == 0, "\(third.outputs)")
        #expect(try await restored(stage, like: image).bytes() == image.bytes())
    }

    @Test func whatWasTakenFromUnderUsIsSaid() async throws {
        let image = try await ScratchImage(size: 12 << 20)
        try image.write(noise(3 << 20, seed: 1), at: 0)
        let stage = try stage(image)
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        for name in try image.open().snapshots().keys { try image.open().removeSnapshot(name) }
        let gone = await #expect(throws: StorageError.self) {
            try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-1"])
        }
        #expect(gone?.kind == .notFound && gone?.location.contains("@snappy-flow-") == true, "\(String(describing: gone))")
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        try image.pool.removeImage(image.name)
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        let missing = await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems(["disk"])) }
        #expect(missing?.kind == .notFound && missing?.advice.contains("rbd ls") == true, "\(String(describing: missing))")
    }

    /// librbd reads on: zeros, and what was written since. None of it is a copy.
    @Test(arguments: [false, true]) func whatIsTakenFromUnderACopyIsNoCopy(_ takesTheImage: Bool) async throws {
        let image = try await ScratchImage(size: 24 << 20)
        try image.write(noise(20 << 20, seed: 1), at: 0)
        let interruption = Interruption(after: 4) {
            for name in try image.open().snapshots().keys { try image.open().removeSnapshot(name) }
            if takesTheImage { try image.pool.removeImage(image.name) } else { try image.write(noise(20 << 20, seed: 2), at: 0) }
        }
        let base = try #require(Catalog.hosted.system("ceph-rbd"))
        let stage = try StepStage(extra: [InterruptedImageType(base: base, interruption: interruption)])
        stage.declare(repository: "vault")
        try stage.declare(system: "disk", "interrupted-image", image.settings)
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        let error = await #expect(throws: StorageError.self) {
            try await stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-1"])
        }
        #expect(error?.retry == .permanent && (takesTheImage || error?.kind == .changed), "\(String(describing: error))")
        #expect(try await stage.restic("vault").succeed("snapshots", "--json").trimmingCharacters(in: .whitespacesAndNewlines) == "[]")
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
    }

    /// Protected and cloned for as long as it is read: nobody removes it by mistake, and nothing of that stays.
    @Test func aCloneHoldsWhatIsRead() async throws {
        let image = try await ScratchImage(size: 12 << 20)
        try image.write(noise(3 << 20, seed: 1), at: 0)
        let stage = try stage(image, ["clone": true])
        func rbd(_ arguments: String...) async -> Bool {
            (try? await HostProgram.run(["env", "CEPH_CONF=\(image.ceph.configuration)", "rbd"] + arguments)) != nil
        }
        func clones() throws -> [String] { try image.pool.images().filter { $0.hasPrefix(image.name + ".") } }
        func snapshots() throws -> [String] { try image.open(.readOnly).snapshots().keys.sorted() }

        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        let name = try #require(try snapshots().first)
        let before = try image.bytes()
        #expect(try clones() == ["\(image.name).\(name)"])
        #expect(await !rbd("snap", "rm", "\(image.name)@\(name)"))
        #expect(await !rbd("snap", "unprotect", "\(image.name)@\(name)"))
        #expect(await !rbd("rm", image.name))
        // A step that was killed between the two finishes what it began, by the same name.
        try image.open().removeClone(of: name)
        try image.open().unprotectSnapshot(name)
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        #expect(try clones().count == 1 && image.open().isProtected(name))
        try image.write(noise(2 << 20, seed: 2), at: 1 << 20)
        let copy = try await stage.run(
            "copy", id: "copy-1", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-1"])
        stage.recorder.set(bases: copy.bases)
        #expect(try await restored(stage, like: image).bytes() == before)

        // The base of the next increment stays, and so does its protection.
        try await stage.retire("snapshot", id: "snapshot-1", .systems(["disk"]))
        #expect(try clones() == [])
        #expect(try snapshots() == [name])
        #expect(try image.open().isProtected(name))
        let second = try await round(stage, 2)
        #expect((second.outputs["extentsReused"]?.intValue ?? 0) > 0, "\(second.outputs)")
        #expect(try await restored(stage, like: image).bytes() == image.bytes())

        // What somebody made of it is not taken from him, and the rest goes when he is done.
        try await image.ceph.run("rbd", "clone", "--rbd-default-clone-format", "1", "\(image.name)@\(name)", "\(image.name)-theirs")
        let error = await #expect(throws: StorageError.self) {
            try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        }
        #expect(error?.retry == .transient && error?.advice.contains("rbd children") == true, "\(String(describing: error))")
        try await image.ceph.run("rbd", "rm", "--no-progress", "\(image.name)-theirs")
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        try await stage.undo("snapshot", id: "snapshot-2", .systems(["disk"]))
        #expect(try clones() == [] && snapshots() == [])
        try await stage.undo("snapshot", id: "snapshot-2", .systems(["disk"]))
    }

    @Test func anImageThatCannotBeClonedSaysSo() async throws {
        let image = try await ScratchImage(size: 1 << 20, ["--image-feature", "exclusive-lock"])
        let stage = try stage(image, ["clone": true])
        let error = await #expect(throws: StorageError.self) {
            try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        }
        #expect(error?.expected.contains("layering") == true && error?.retry == .permanent, "\(String(describing: error))")
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        #expect(try image.open(.readOnly).snapshots().isEmpty)
    }

    private func isFull(_ ceph: CephRig) async throws -> Bool {
        let osds = try JSONValue(parsing: Array(try await ceph.run("ceph", "osd", "dump", "--format", "json").utf8))["osds"]?.arrayValue
        return osds?.contains { $0["state"]?.arrayValue?.contains("full") == true } == true
    }

    /// librados waits for room without a word, for as long as nobody makes any.
    @Test func aFullClusterSaysSo() async throws {
        let ceph = try await CephRig.apart()
        let image = try await ScratchImage(size: 8 << 20, in: ceph)
        let pool = try await ScratchPool(in: ceph)
        try image.write(noise(4 << 20, seed: 1), at: 0)
        let stage = try StepStage()
        try stage.declare(system: "disk", "ceph-rbd", image.settings.merging(["timeout": "20s"]) { $1 })
        let type = try #require(Catalog.hosted.repository("rados"))
        let store = try await type.open(
            Settings(pool.settings.merging(["timeout": "20s"]) { $1 }, origin: "test"), StoreContext(secrets: FileSecrets()))
        try await store.create()
        try await store.put("index/before", [1])
        stage.declare(repository: "vault")
        try await stage.run("copy", id: "copy-before", .systems(["disk"]), ["to": "vault"])
        try stage.declare(system: "new", "ceph-rbd", image.settings.merging(["image": "new", "timeout": "20s"]) { $1 })
        for (state, ratio) in [("nearfull", "0.00001"), ("backfillfull", "0.00002"), ("full", "0.0001")] {
            try await ceph.run("ceph", "osd", "set-\(state)-ratio", ratio)
        }
        try await eventually("it is full", within: .seconds(120), every: .milliseconds(200)) { try await isFull(ceph) }
        let full = await #expect(throws: StorageError.self) {
            try await store.put("index/after", [UInt8](repeating: 1, count: 40 << 20))
        }
        #expect(full?.kind == .noSpace && full?.advice.contains("ceph df") == true, "\(String(describing: full))")
        let restore = await #expect(throws: (any Error).self) {
            try await stage.run("restore", id: "restore-new", .snapshot("latest"), ["from": "vault", "to": "new"])
        }
        #expect("\(String(describing: restore))".contains("ceph df"), "\(String(describing: restore))")
        #expect(try !image.pool.images().contains { $0.hasPrefix("new") })
        // What needs next to no room goes through, and is no frozen job.
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        // One that was taken then has no object map; it is read all the same, also when there is room again.
        let before = try image.bytes()
        try await stage.run("snapshot", id: "snapshot-full", .systems(["disk"]))
        // Room is made by removing.
        try await store.delete("index/before")
        #expect(try await store.stat("index/before") == nil)
        for (state, ratio) in [("full", "0.95"), ("backfillfull", "0.9"), ("nearfull", "0.85")] {
            try await ceph.run("ceph", "osd", "set-\(state)-ratio", ratio)
        }
        try await eventually("it has room", within: .seconds(120), every: .milliseconds(200)) { try await !isFull(ceph) }
        try await store.put("index/after", [UInt8](repeating: 1, count: 40 << 20))
        try image.write(noise(2 << 20, seed: 2), at: 0)
        let copy = try await stage.run(
            "copy", id: "copy-full", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-full"])
        stage.recorder.set(bases: copy.bases)
        #expect(try await restored(stage, like: image).bytes() == before)
        try await stage.run("snapshot", id: "snapshot-2", .systems(["disk"]))
        try await stage.run("copy", id: "copy-2", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-2"])
        #expect(try await restored(stage, like: image).bytes() == image.bytes())
        try await stage.undo("snapshot", id: "snapshot-2", .systems(["disk"]))
        try await stage.undo("snapshot", id: "snapshot-full", .systems(["disk"]))
        #expect(try image.open(.readOnly).snapshots().isEmpty)
    }

    @Test func aClusterThatDoesNotAnswerIsNotWaitedForForEver() async throws {
        let image = try await ScratchImage(size: 1 << 20)
        func error(_ settings: [String: JSONValue]) async throws -> StorageError? {
            let stage = try stage(image, settings)
            return await #expect(throws: StorageError.self) { try await stage.run("snapshot", id: "s", .systems(["disk"])) }
        }
        let dead = try await error([
            "configuration": "/dev/null", "monitors": "127.0.0.1:1", "timeout": "2s",
            "key": [
                "fromFile": .string(try key(image, "AQBn5XRnAAAAABAAx6vXm1Gy0VfNhDVYRAxC3A=="))
            ],
        ])
        #expect(dead?.kind == .unavailable && dead?.retry == .transient, "\(String(describing: dead))")
        let wrong = try await error(["key": ["fromFile": .string(try key(image, "AQBn5XRnAAAAABAAx6vXm1Gy0VfNhDVYRAxC3A=="))]])
        #expect(wrong?.kind == .accessDenied && wrong?.retry == .permanent, "\(String(describing: wrong))")
        let nobody = try await error(["user": "nobody"])
        #expect(nobody?.kind == .accessDenied && nobody?.advice.contains("key") == true, "\(String(describing: nobody))")
        let nowhere = try await error(["pool": "nowhere"])
        #expect(nowhere?.kind == .notFound, "\(String(describing: nowhere))")
        let file = try await error(["configuration": "/nonexistent/ceph.conf"])
        #expect(file?.location == "/nonexistent/ceph.conf", "\(String(describing: file))")
    }

    private func key(_ image: ScratchImage, _ text: String) throws -> String {
        let file = image.ceph.folder + "/key-\(UInt32.random(in: .min ... .max))"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    /// The OSD is away for a while: a copy waits for it, one that may not says so.
    @Test func anOSDThatIsAwayForAWhileIsWaitedFor() async throws {
        // Nobody else waits for it.
        let image = try await ScratchImage(size: 24 << 20, in: CephRig.apart())
        try image.write(noise(20 << 20, seed: 1), at: 0)
        let stage = try stage(image)
        try await stage.run("snapshot", id: "snapshot-1", .systems(["disk"]))
        let pid = try #require(
            pid_t(
                try String(contentsOfFile: image.ceph.folder + "/osd.pid", encoding: .utf8).trimmingCharacters(
                    in: .whitespacesAndNewlines)))
        #expect(kill(pid, SIGSTOP) == 0)
        defer { kill(pid, SIGCONT) }
        async let copy = stage.run("copy", id: "copy", .systems(["disk"]), ["to": "vault"], snapshots: ["disk": "snapshot-1"])
        // The patient copy waits while a hasty step gives up, which is what the time is told by.
        let hasty = try self.stage(image, ["timeout": "1s"])
        let given = await #expect(throws: StorageError.self) { try await hasty.run("snapshot", id: "s", .systems(["disk"])) }
        #expect(given?.kind == .unavailable && given?.retry == .transient, "\(String(describing: given))")
        kill(pid, SIGCONT)
        #expect(try await copy.missed == [])
        #expect(try await restored(stage, like: image).bytes() == image.bytes())
    }

    @Test func theIdentityNamesTheCluster() throws {
        func identity(_ settings: [String: JSONValue]) throws -> String {
            try CephRBDType().identity(Settings(settings.merging(["image": "a"]) { $1 }, origin: "system x"))
        }
        #expect(try identity([:]) == "ceph-rbd:rbd/a")
        #expect(try identity(["pool": "p", "namespace": "n", "monitors": "a:1, b:2"]) == "ceph-rbd:a:1,b:2/p/n/a")
        #expect(CephRBDType().problems(in: Settings(["image": "a@b"], origin: "x")).map(\.setting) == ["image"])
        #expect(
            CephRBDType().problems(in: Settings(["image": "a", "objectSize": "3MiB"], origin: "x")).map(\.setting) == ["objectSize"])
    }
}
