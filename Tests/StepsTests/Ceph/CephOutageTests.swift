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

/// OSDs that are killed by SIGKILL in the middle of a copy, on clusters of the tests' own. They keep their data in files.
@Suite struct CephOutageTests {
    @Test func anImageIsCopiedThroughTheDeathOfItsOSD() async throws {
        let ceph = try await CephRig.apart(durable: true)
        let image = try await ScratchImage(size: 32 << 20, in: ceph)
        try image.write(noise(24 << 20, seed: 1), at: 1 << 20)
        let interruption = Interruption(after: 6) { try ceph.killOSDs() }
        let base = try #require(Catalog.hosted.system("ceph-rbd"))
        let stage = try StepStage(extra: [InterruptedImageType(base: base, interruption: interruption)])
        stage.declare(repository: "vault")
        try stage.declare(system: "disk", "ceph-rbd", image.settings)
        try stage.declare(system: "interrupted", "interrupted-image", image.settings)
        try stage.declare(system: "hasty", "ceph-rbd", image.settings.merging(["timeout": "5s"]) { $1 })
        func snapshots() throws -> Int { try image.open(.readOnly).snapshots().count }
        func copy(_ system: String, _ number: Int, attempt: Int = 1) async throws -> StepResult {
            let copy = try await stage.run(
                "copy", id: StepID("copy-\(number)"), .systems([system]), ["to": "vault"],
                snapshots: [system: StepID("snapshot-\(number)")], attempt: attempt)
            stage.recorder.set(bases: copy.bases)
            return copy
        }

        // A copy that may wait goes on when the OSD is there again.
        try await stage.run("snapshot", id: "snapshot-1", .systems(["interrupted"]))
        async let waiting = copy("interrupted", 1)
        try await interruption.untilItHappened()
        // One that may not says so, which is also what the time is told by.
        let hasty = await #expect(throws: StorageError.self) {
            try await stage.run("snapshot", id: "hasty", .systems(["hasty"]))
        }
        #expect(hasty?.kind == .unavailable && hasty?.retry == .transient, "\(String(describing: hasty))")
        try ceph.startOSDs()
        let first = try await waiting
        #expect(first.missed == [] && (first.outputs["extentsRead"]?.intValue ?? 0) >= 24, "\(first.outputs)")

        // An increment that could not begin is tried again, and is one.
        try image.write(noise(3 << 20, seed: 2), at: 20 << 20)
        try await stage.run("snapshot", id: "snapshot-2", .systems(["hasty"]))
        try ceph.killOSDs()
        let failed = await #expect(throws: StorageError.self) { _ = try await copy("hasty", 2) }
        #expect(failed?.kind == .unavailable && failed?.retry == .transient, "\(String(describing: failed))")
        try ceph.startOSDs()
        try await stage.run("snapshot", id: "snapshot-2", .systems(["disk"]))
        let second = try await copy("disk", 2, attempt: 2)
        #expect(second.missed == [] && (second.outputs["extentsReused"]?.intValue ?? 0) >= 16, "\(second.outputs)")
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("out"))
        let out = stage.folder.file("out/ceph-rbd/rbd/\(image.name)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == Data(image.bytes()))

        // Nothing is left but the base.
        #expect(try snapshots() == 2)
        try await stage.undo("snapshot", id: "snapshot-1", .systems(["disk"]))
        #expect(try snapshots() == 1)
    }

    /// A pool of erasure-coded objects: of three OSDs one may die, and when all have, nothing is called missed.
    @Test func aPoolIsCopiedThroughTheDeathOfItsOSDs() async throws {
        let ceph = try await CephRig.apart(osds: 3, durable: true)
        try await ceph.run("ceph", "osd", "erasure-code-profile", "set", "two-and-one", "k=2", "m=1", "crush-failure-domain=osd")
        let pool = try await ScratchPool(["erasure", "two-and-one"], in: ceph)
        try await ceph.run("ceph", "osd", "pool", "set", pool.name, "min_size", "2")
        for number in 0..<60 { try pool.put("object \(number)", noise(50_000 + number, seed: UInt64(number))) }
        try await pool.rados("setxattr", "object 7", "colour", "red")
        let one = Interruption(after: 20) { try ceph.killOSDs([1]) }
        let base = try #require(Catalog.hosted.system("ceph-rados"))
        let stage = try StepStage(extra: [InterruptedTreeType(base: base, interruption: one)])
        stage.declare(repository: "vault")
        try stage.declare(system: "interrupted", "interrupted-tree", pool.settings)
        let copy = try await stage.run("copy", id: "copy", .systems(["interrupted"]), ["to": "vault"])
        try await one.untilItHappened()
        #expect(copy.missed == [] && copy.outputs["filesNew"] == 60, "\(copy.outputs)")

        // All of them, and a copy that may not wait: it fails, and is no copy of what it came to read.
        let all = Interruption(after: 20) { try ceph.killOSDs([0, 2]) }
        let hasty = try StepStage(extra: [InterruptedTreeType(base: base, interruption: all)])
        hasty.declare(repository: "vault")
        try hasty.declare(system: "interrupted", "interrupted-tree", pool.settings.merging(["timeout": "5s"]) { $1 })
        try hasty.declare(system: "objects", "ceph-rados", pool.settings)
        let failed = await #expect(throws: StorageError.self) {
            try await hasty.run("copy", id: "copy", .systems(["interrupted"]), ["to": "vault"])
        }
        #expect(failed?.kind == .unavailable && failed?.retry == .transient, "\(String(describing: failed))")
        #expect(try await hasty.store("vault").snapshots().isEmpty)
        try ceph.startOSDs()
        let again = try await hasty.run("copy", id: "copy", .systems(["objects"]), ["to": "vault"], attempt: 2)
        #expect(again.missed == [] && again.outputs["filesNew"] == 60, "\(again.outputs)")
        for stage in [stage, hasty] { try await stage.restic("vault").succeed("check", "--read-data") }

        // Both came to the same, and it goes where objects may be written in pieces, erasure-coded or not.
        func restore(_ stage: StepStage, _ target: ScratchPool, of system: String? = nil) async throws {
            let name = "target-\(UInt32.random(in: .min ... .max))"
            try stage.declare(system: name, "ceph-rados", target.settings)
            var settings: [String: JSONValue] = ["from": "vault", "to": .string(name)]
            settings["system"] = system.map { .string($0) }
            try await stage.run("restore", id: StepID(name), .snapshot("latest"), settings)
        }
        let (plain, coded) = (try await ScratchPool(in: ceph), try await ScratchPool(["erasure", "two-and-one"], in: ceph))
        try await restore(stage, plain)
        #expect(try await plain.exported() == pool.exported())
        let refused = await #expect(throws: StorageError.self) { try await restore(hasty, coded) }
        #expect(
            refused?.kind == .unsupported && refused?.advice.contains("allow_ec_overwrites") == true, "\(String(describing: refused))")
        try await ceph.run("ceph", "osd", "pool", "set", coded.name, "allow_ec_overwrites", "true")
        try await restore(hasty, coded)
        #expect(try await coded.exported() == pool.exported())

        // An omap has no place there.
        try await plain.rados("setomapval", "object 3", "key", "value")
        try stage.declare(system: "plain", "ceph-rados", plain.settings)
        try await stage.run("copy", id: "omap", .systems(["plain"]), ["to": "vault"])
        try await coded.rados("purge", coded.name, "--yes-i-really-really-mean-it")
        let omap = await #expect(throws: StepError.self) { try await restore(stage, coded, of: "plain") }
        #expect(
            omap?.description.contains("/@/6c/object 3%omap: an erasure-coded one; restore to a replicated pool") == true,
            "\(String(describing: omap))")
    }
}
