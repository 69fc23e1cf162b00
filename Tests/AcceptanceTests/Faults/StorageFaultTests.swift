import Foundation
import Rigs
import Testing

/// Full disks, files that can't be read, programs that are missing, damage.
@Suite(.ownThread) struct StorageFaultTests {
    /// A pipeline of one copy, and a full verification.
    private func copy(_ stage: FaultStage, vault: String? = nil, system: String? = nil, more: String = "") throws -> String {
        try stage.rig.write(
            "copy.yaml",
            """
            name: copy
            systems:
              data: \(system ?? "{type: directory, path: \(stage.rig.path("data"))}")
            repositories:
              vault: {type: local, path: \(vault ?? stage.rig.path("vault")), password: {fromFile: \(stage.rig.path("pw"))}}
            steps:
            \(more)  - copy: data
                to: vault
                retry: {attempts: 1}
              - verify: copy
                read: all
            """)
    }

    @Test func aRepositoryWithoutRoomSaysSoStaysWholeAndGoesOnWhenThereIs() async throws {
        try await SmallDiskRig.with(megabytes: 24) { mount in
            let stage = try FaultStage("full")
            defer { stage.rig.close() }
            let vault = mount + "/vault"
            let document = try copy(stage, vault: vault)
            #expect(try stage.rig.run(["run", document]).status == 0)
            try stage.noise("data/large", megabytes: 40)
            let full = try stage.rig.run(["run", document])
            #expect(full.status == 1, "\(full.output)\n\(full.errors)")
            #expect(full.output.contains("No space left") || full.output.contains("room"), "\(full.output)")
            #expect(full.output.contains("do:"), "\(full.output)")
            let restic = try ResticRig(repository: vault, password: FaultStage.password, cache: stage.rig.path("restic-cache"))
            try await restic.succeed("check", "--read-data", "--no-lock")
            // Room is made; the same job goes on.
            try FileManager.default.removeItem(atPath: stage.rig.path("data/large"))
            try stage.noise("data/large", megabytes: 2)
            try await restic.succeed("prune")
            let job = try #require(try stage.jobs().first?["id"] as? String)
            #expect(try stage.rig.run(["jobs", "retry", job]).status == 0)
            try stage.withWorker { try waitUntil("the retried job ends") { try stage.hasSucceeded() } }
            try await restic.succeed("check", "--read-data")
        }
    }

    @Test func aStagingFolderWithoutRoomSaysSoAndLeavesNothing() async throws {
        try await SmallDiskRig.with(megabytes: 8) { mount in
            let stage = try FaultStage("staging")
            defer { stage.rig.close() }
            try stage.noise("data/large", megabytes: 12)
            let staging = mount + "/staging"
            let document = try copy(
                stage, system: "{type: directory, path: \(stage.rig.path("data")), staging: 64MiB, stagingFolder: \(staging)}",
                more: "  - snapshot: data\n    retry: {attempts: 1}\n")
            let full = try stage.rig.run(["run", document])
            #expect(full.status == 1, "\(full.output)\n\(full.errors)")
            #expect(full.output.contains("No space left") && full.output.contains("do:"), "\(full.output)")
            #expect(!FileManager.default.fileExists(atPath: staging), "the half snapshot is left")
            try stage.noise("data/large", megabytes: 2)
            let job = try #require(try stage.jobs().first?["id"] as? String)
            #expect(try stage.rig.run(["jobs", "retry", job]).status == 0)
            try stage.withWorker { try waitUntil("the retried job ends") { try stage.hasSucceeded() } }
            try await stage.expectNothingLeft(snapshots: 1)
            #expect(!FileManager.default.fileExists(atPath: staging), "the snapshot is left")
        }
    }

    @Test(arguments: ["quiesce", "thaw", "source", "end"]) func aMissingProgramIsNamedAndNothingRests(role: String) async throws {
        let stage = try FaultStage("missing-\(role)")
        defer { stage.rig.close() }
        let document = try stage.document()
        let program = stage.rig.path(role)
        try FileManager.default.moveItem(atPath: program, toPath: program + ".away")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == (role == "thaw" ? 4 : 1), "\(run.output)\n\(run.errors)")
        let said = run.output + run.errors
        #expect(said.contains("the program \(program)") && said.contains("no such program") && said.contains("do:"), "\(said)")
        try FileManager.default.moveItem(atPath: program + ".away", toPath: program)
        let job = try #require(try stage.jobs().first?["id"] as? String)
        if role != "thaw" { #expect(try stage.rig.run(["jobs", "retry", job]).status == 0) }
        try stage.withWorker { try waitUntil("the job ends", seconds: 90) { try stage.hasSucceeded() } }
        try await stage.expectNothingLeft(snapshots: 2)
    }

    @Test func unreadableFilesMakeTheCopyPartial() async throws {
        let stage = try FaultStage("unreadable")
        defer { stage.rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        let document = try copy(stage)
        let secretive = stage.rig.path("data/part0/file0")
        chmod(secretive, 0)
        // Modes bind root, too, without the capabilities that pass them by.
        let through = geteuid() == 0 ? ["/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search"] : []
        let run = try stage.rig.start(["run", document, "--database", server.address], through: through).wait()
        #expect(run.status == 3, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("missed") && run.output.contains("part0/file0"), "\(run.output)")
        let job = try #require(try stage.jobs(["--database", server.address]).first)
        #expect(job["outcome"] as? String == "partial" && job["cleanup"] as? String == "clean")
        try await stage.expectNothingLeft(snapshots: 1)
        // The rest is there.
        let restore = try stage.rig.run(["restore", "--file", document, "--repository", "vault", "--target", stage.rig.path("back")])
        #expect(restore.status == 0, "\(restore.errors)")
        #expect(stage.exists("back" + stage.rig.path("data/part0/file3")) && !stage.exists("back" + secretive))
    }

    @Test func aMissingPackIsFoundNamedAndHealedByNobodyInSilence() async throws {
        let stage = try FaultStage("pack")
        defer { stage.rig.close() }
        let document = try copy(stage)
        #expect(try stage.rig.run(["run", document]).status == 0)
        let folder = stage.rig.path("vault/data")
        let packs = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }.filter { $0.count > 60 } ?? []
        #expect(!packs.isEmpty)
        for pack in packs { try FileManager.default.removeItem(atPath: folder + "/" + pack) }
        let restore = try stage.rig.run(["restore", "--file", document, "--repository", "vault", "--target", stage.rig.path("back")])
        #expect(restore.status != 0 && restore.errors.contains("do:"), "\(restore.output)\n\(restore.errors)")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 7, "\(run.output)\n\(run.errors)")
        #expect(packs.contains { run.output.contains(String($0.suffix(64).prefix(8))) }, "\(run.output)")
    }

    @Test func aWrongPasswordEndsTheJobAndShowsNeither() async throws {
        let stage = try FaultStage("password")
        defer { stage.rig.close() }
        let document = try copy(stage)
        #expect(try stage.rig.run(["run", document]).status == 0)
        try stage.rig.write("pw", "not-this-one\n")
        let run = try stage.rig.run(["run", document])
        #expect(run.status == 1, "\(run.output)\n\(run.errors)")
        #expect(run.output.contains("password") && run.output.contains("do:"), "\(run.output)")
        #expect(!(run.output + run.errors).contains("not-this-one"))
        try stage.rig.write("pw", FaultStage.password + "\n")
        try await stage.expectNothingLeft(snapshots: 1)
    }
}
