import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// The server and the client of a CephFS die by SIGKILL in the middle of a copy, on a file system of the test's own.
@Suite struct CephFSOutageTests {
    @Test func aCopyGoesOnWhenTheMetadataServerIsBack() async throws {
        let ceph = try await CephFSRig.apart()
        let home = try ceph.folder()
        func shell(_ script: String, in folder: String) async throws -> String {
            try await HostProgram.run(["bash", "-euc", script], in: folder)
        }
        _ = try await shell(
            "for d in $(seq 6); do mkdir $d; for n in $(seq 8); do head -c 20000 /dev/urandom > $d/$n; done; done", in: home)
        let base = try #require(Catalog.standard.system("cephfs"))

        // Folders that are not listed yet are the metadata server's to list.
        let dies = Interruption(after: 10) { try ceph.killMetadataServer() }
        let stage = try StepStage(extra: [InterruptedTreeType(base: base, interruption: dies)])
        stage.declare(repository: "vault")
        try stage.declare(system: "home", "interrupted-tree", ["path": .string(home)])
        try await stage.run("snapshot", id: "snapshot", .systems(["home"]))
        async let waiting = stage.run(
            "copy", id: "copy", .systems(["home"]), ["to": "vault"], snapshots: ["home": "snapshot"])
        try await dies.untilItHappened()
        try ceph.startMetadataServer()
        let copy = try await waiting
        #expect(copy.missed == [] && copy.outputs["filesNew"] == 48, "\(copy.outputs)")
        try await stage.undo("snapshot", id: "snapshot", .systems(["home"]))
        #expect(try await shell("ls .snap", in: home) == "")
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("out"))
        let out = stage.folder.file("out") + home
        #expect(FileManager.default.contentsEqual(atPath: home, andPath: out))

        // Who says how long he waits is not held longer, though the file system holds whoever asks it in the kernel.
        let patient = try StepStage()
        patient.declare(repository: "vault")
        try patient.declare(system: "home", "cephfs", ["path": .string(home), "timeout": "1s"])
        _ = try await shell("mkdir unseen; echo new > unseen/new", in: home)
        try ceph.killMetadataServer()
        let late = await #expect(throws: StorageError.self) {
            try await patient.run("copy", id: "late", .systems(["home"]), ["to": "vault"])
        }
        #expect(
            late?.kind == .unavailable && late?.retry == .transient && late?.found.contains("nothing came for") == true,
            "\(String(describing: late))")
        let taken = await #expect(throws: StorageError.self) { try await patient.run("snapshot", id: "taken", .systems(["home"])) }
        #expect(taken?.retry == .transient, "\(String(describing: taken))")
        try ceph.startMetadataServer()
        try patient.declare(system: "home", "cephfs", ["path": .string(home), "timeout": "1m"])
        let after = try await patient.run("copy", id: "late", .systems(["home"]), ["to": "vault"])
        #expect(after.missed == [] && after.outputs["filesNew"] == 49, "\(after.outputs)")
        try await patient.undo("snapshot", id: "taken", .systems(["home"]))
        #expect(try await shell("ls .snap", in: home) == "")

        // Who will not wait cuts the mount off: it is no folder of files that can't be read.
        let cut = Interruption(after: 10) {
            try ceph.killMetadataServer()
            try ceph.killClient()
        }
        let last = try StepStage(extra: [InterruptedTreeType(base: base, interruption: cut)])
        last.declare(repository: "vault")
        try last.declare(system: "home", "interrupted-tree", ["path": .string(home)])
        let gone = await #expect(throws: StorageError.self) {
            try await last.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
        }
        #expect(gone?.kind == .unavailable && gone?.retry == .transient, "\(String(describing: gone))")
        #expect(try await last.store("vault").snapshots().isEmpty)
    }
}
