import Foundation
import Glibc
import Rigs
import Testing

/// What a killed job left outside is found for what it is, and released when nobody can need it any more: the real program on real file systems and
/// servers.
@Suite(.ownThread) struct DoctorHoldingTests {
    private func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.contains("sf-") }
    }

    @Test func snapshotsOfAFolder() async throws {
        let stage = try await DoctorStage("folder")
        defer { stage.close() }
        try stage.rig.write("data/home/file", "content")
        let kept = stage.rig.path("kept")
        let document = try stage.document(
            systems: ["home: {type: directory, path: \(stage.rig.path("data/home")), staging: 10MiB, stagingFolder: \(kept)}"],
            steps: ["snapshot: home", stage.gate, "copy: home\n    to: vault"])
        try stage.kill(try stage.startToGate(document))
        // What is not named as a step names it is nobody's business.
        try FileManager.default.createDirectory(atPath: kept + "/sf-mine", withIntermediateDirectories: true)
        try await stage.expectReleased(document, kinds: ["snapshot"]) { names(kept).count > 1 }
        #expect(names(kept) == ["sf-mine"])
    }

    @Test func snapshotsOfASubvolume() async throws {
        let mount = try await LoopMount("btrfs")
        let stage = try await DoctorStage("btrfs")
        defer { stage.close() }
        try await HostProgram.run(["btrfs", "-q", "subvolume", "create", mount.path + "/main"])
        let document = try stage.document(
            systems: ["volume: {type: btrfs, path: \(mount.path)/main}"],
            steps: ["snapshot: volume", stage.gate, "copy: volume\n    to: vault"])
        try stage.kill(try stage.startToGate(document))
        try await stage.expectReleased(document, kinds: ["snapshot"]) { !names(mount.path + "/main/.snappy-flow-snapshots").isEmpty }
    }

    @Test func freezesWithTheirMarks() async throws {
        let mount = try await LoopMount("ext4")
        let stage = try await DoctorStage("freeze")
        defer { stage.close() }
        try stage.rig.write("data/file", "content")
        let document = try stage.document(
            systems: [
                "disk: {type: filesystem, path: \(mount.path)}", "files: {type: directory, path: \(stage.rig.path("data")), staging: 1MiB}",
            ],
            steps: ["quiesce: disk\n    maxHold: 280s", stage.gate, "snapshot: files", "copy: files\n    to: vault"])
        try stage.kill(try stage.startToGate(document))
        try await stage.expectReleased(document, kinds: ["freeze"]) { try await mount.isFrozen }
    }

    @Test func mountsAndLoopDevicesOfAnImage() async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount")
            let stage = try await DoctorStage("image")
            defer { stage.close() }
            let disks = mount + "/disks"
            defer { LoopDevices.release(folder: disks) }
            try await HostProgram.run(
                [
                    "bash", "-euc",
                    "mkdir disks content; echo found > content/file; truncate -s 64M disks/disk.img; mkfs.ext4 -q -d content disks/disk.img",
                ],
                in: mount)
            // Killed in its copy: the repository's lock is written when the view has been attached, and removed by nobody.
            let document = try stage.document(
                systems: ["disk: {type: blockdevice, path: \(disks)/disk.img}"],
                steps: ["snapshot: disk", "copy: disk\n    as: tree\n    to: vault"])
            try #require(try stage.rig.run(["repository", "init", "--file", document, "--repository", "vault"]).status == 0)
            let process = try stage.rig.start(
                ["run", document], environment: stage.database,
                through: [
                    "/usr/bin/strace", "-f", "-qq", "-o", stage.rig.path("trace"), "-e", "signal=none", "-e", "trace=umount2", "-e",
                    "inject=umount2:signal=KILL",
                ])
            let outcome = process.wait()
            try #require(outcome.signal == SIGKILL || outcome.status == 128 + SIGKILL, "\(outcome)")
            try await stage.expectReleased(document, kinds: ["snapshot", "attachment"]) {
                try !LoopDevices.over(folder: disks).isEmpty || !names(disks + "/.snappy-flow-snapshots").isEmpty
            }
            #expect(try LoopDevices.over(folder: disks).isEmpty && names(disks + "/.snappy-flow-snapshots").isEmpty)
        }
    }

    /// Its process is stopped, not dead: the server ends the session of one that is dead by itself.
    @Test func sessionsInBackupMode() async throws {
        let stage = try await DoctorStage("session")
        defer { stage.close() }
        let shop = try await PostgreSQLServerRig.start()
        defer { shop.stop() }
        try stage.rig.write("data/file", "content")
        let document = try stage.document(
            systems: [
                "db: {type: postgresql, host: \(shop.socketFolder), user: postgres, method: base, checkpoint: fast}",
                "files: {type: directory, path: \(stage.rig.path("data")), staging: 1MiB}",
            ],
            steps: ["quiesce: db\n    maxHold: 280s", stage.gate, "snapshot: files", "copy: files\n    to: vault"])
        let process = try stage.startToGate(document)
        func isThere() async throws -> Bool {
            try await shop.value("SELECT 'yes' AS value FROM pg_stat_activity WHERE application_name LIKE 'snappy-flow sf-%'") != nil
        }
        #expect(try await isThere())
        process.send(SIGSTOP)
        defer { try? stage.kill(process) }
        try await stage.forgetJobs()
        let unknown = try stage.doctor([document])
        #expect(unknown.status == 4 && unknown.outside("unknown").contains { $0["kind"] as? String == "freeze" }, "\(unknown.json)")
        #expect(try await isThere())
        let fixed = try stage.doctor([document, "--fix"])
        try await eventually("the session has ended") { try await !isThere() }
        #expect(fixed.outside("unknown").contains { $0["mended"] as? Bool == true }, "\(fixed.json)")
        #expect(try stage.doctor([document, "--fix"]).status == 0)
    }

    @Test func snapshotsOfACephImage() async throws {
        let ceph = try await CephRig.running()
        let stage = try await DoctorStage("rbd")
        defer { stage.close() }
        let image = "doctor\(UInt32.random(in: 0 ... .max))"
        func rbd(_ arguments: String...) async throws -> String {
            try await HostProgram.run(["env", "CEPH_CONF=\(ceph.configuration)", "rbd"] + arguments)
        }
        _ = try await rbd("create", "--size", "8M", image)
        _ = try await rbd("snap", "create", "\(image)@by-hand")
        let document = try stage.document(
            systems: ["disk: {type: ceph-rbd, configuration: \(ceph.configuration), image: \(image), clone: true}"],
            steps: ["snapshot: disk", stage.gate, "copy: disk\n    to: vault"])
        try stage.kill(try stage.startToGate(document))
        try await stage.expectReleased(document, kinds: ["snapshot"]) { try await rbd("snap", "ls", image).contains("snappy-flow-sf-") }
        #expect(try await rbd("snap", "ls", image).contains("by-hand"))
        #expect(try await !rbd("ls").contains("\(image)."), "its clone went with it")
    }

    /// A base of the next increment, and all that a job holds that goes on, is nothing to mend.
    @Test func aLivingJobIsLeftAlone() async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount")
            let stage = try await DoctorStage("living")
            defer { stage.close() }
            let disks = mount + "/disks"
            defer { LoopDevices.release(folder: disks) }
            try await HostProgram.run(
                [
                    "bash", "-euc",
                    "mkdir disks content; seq 1 200000 > content/file; truncate -s 64M disks/disk.img; mkfs.ext4 -q -d content disks/disk.img",
                ],
                in: mount)
            let document = try stage.document(
                systems: ["disk: {type: blockdevice, path: \(disks)/disk.img}"],
                steps: [
                    "snapshot: disk", "copy: disk\n    to: vault", "copy: disk\n    as: tree\n    to: vault\n    id: files", stage.gate,
                ])
            let first = try stage.rig.run(["run", document], environment: stage.database)
            try #require(first.status == 0, "\(first.output)\(first.errors)")
            let base = names(disks + "/.snappy-flow-snapshots")
            #expect(base.count == 1)
            let quiet = try stage.doctor([document, "--fix"])
            #expect(quiet.status == 0 && quiet.outside("known").first?["claim"] as? String == "base", "\(quiet.json)")
            #expect(names(disks + "/.snappy-flow-snapshots") == base)
            // Beside jobs from their beginnings to their ends.
            for _ in 1...2 {
                let process = try stage.rig.start(["run", document], environment: stage.database)
                while Glibc.kill(process.pid, 0) == 0, try !hasEnded(process.pid) {
                    let beside = try stage.doctor([document, "--fix"])
                    #expect(beside.json["mended"] as? Int == 0 && beside.outside("unknown").isEmpty, "\(beside.json)")
                }
                let outcome = process.wait()
                #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
            }
            #expect(try stage.doctor([document]).status == 0)
            let judge = try ResticRig(
                repository: stage.rig.path("vault"), password: "secret of the vault", cache: stage.rig.path("restic-cache"))
            try await judge.succeed("check", "--read-data")
        }
    }

    /// A zombie has ended, and waits for us.
    private func hasEnded(_ process: Int32) throws -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8), let end = status.lastIndex(of: ")") else {
            return true
        }
        return status[end...].dropFirst(2).hasPrefix("Z")
    }
}
