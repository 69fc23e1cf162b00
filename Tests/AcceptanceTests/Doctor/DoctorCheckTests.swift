import Foundation
import Glibc
import Rigs
import Testing

/// What would fail in the night is said before: with its remedy, and an exit status by the worst of it.
@Suite(.ownThread) struct DoctorCheckTests {
    @Test func programsSourcesAndSecretsOfADocument() async throws {
        let stage = try await DoctorStage("checks")
        defer { stage.close() }
        try stage.rig.write("data/file", "content")
        let good = try stage.document(
            "good", systems: ["home: {type: directory, path: \(stage.rig.path("data"))}"],
            steps: ["exec: {argv: [\"true\"]}", "copy: home\n    to: vault"])
        let healthy = try stage.doctor([good])
        #expect(healthy.status == 0 && healthy.json["toMend"] as? Int == 0 && healthy.json["warnings"] as? Int == 0, "\(healthy.json)")

        chmod(stage.rig.path("pw"), 0o644)
        let exposed = try stage.doctor([good])
        #expect(
            exposed.status == 0 && exposed.texts("warning").contains { $0.contains("can be read by others (mode 0644)") }, "\(exposed.json)"
        )
        #expect(exposed.findings.contains { $0["remedy"] as? String == "chmod 600 \(stage.rig.path("pw"))" }, "\(exposed.json)")

        let bad = try stage.document(
            "bad",
            systems: [
                "gone: {type: directory, path: \(stage.rig.path("nowhere"))}",
                "app: {type: command, identity: app, source: [/usr/bin/nothing-of-that-name]}",
                "back: {type: directory, path: \(stage.rig.path("to-be-restored"))}",
            ],
            steps: [
                "exec: {argv: [no-program-of-that-name, --now]}", "copy: gone\n    to: vault", "copy: app\n    to: vault",
                "restore: latest\n    from: vault\n    to: back",
            ])
        let sick = try stage.doctor([bad])
        let errors = sick.texts("error")
        #expect(sick.status == 1, "\(sick.json)")
        #expect(errors.contains { $0.contains("system gone: \(stage.rig.path("nowhere"))") }, "\(errors)")
        #expect(errors.contains { $0.contains("system app: source: the program /usr/bin/nothing-of-that-name") }, "\(errors)")
        #expect(errors.contains { $0.contains("no-program-of-that-name") }, "\(errors)")
        #expect(!errors.contains { $0.contains("to-be-restored") }, "a target need not be there: \(errors)")
    }

    @Test func aKilledWorkerIsNoLivingOne() async throws {
        let stage = try await DoctorStage("workers")
        defer { stage.close() }
        let worker = try stage.rig.start(["worker"], environment: stage.database)
        try waitUntil("the worker is there") { try stage.doctor([]).texts("ok").contains("1 living worker") }
        worker.send(SIGKILL)
        _ = worker.wait()
        // Its lease has not passed.
        let after = try stage.doctor([])
        #expect(after.status == 0 && after.texts("ok").contains("0 living workers"), "\(after.json)")
        #expect(after.texts("warning").contains { $0.contains("its process \(worker.pid) is dead") }, "\(after.json)")
    }

    @Test func aBaseThatSomebodyRemovedIsMissed() async throws {
        try await LoopMountRig.withXFS { mount in
            let mount = try #require(mount, "needs root, to mount")
            let stage = try await DoctorStage("base")
            defer { stage.close() }
            try await HostProgram.run(["bash", "-euc", "mkdir disks; head -c 3000000 /dev/urandom > disks/disk.img"], in: mount)
            let document = try stage.document(
                systems: ["disk: {type: blockdevice, path: \(mount)/disks/disk.img}"],
                steps: ["snapshot: disk", "copy: disk\n    to: vault"])
            try #require(try stage.rig.run(["run", document], environment: stage.database).status == 0)
            #expect(try stage.doctor([document]).json["warnings"] as? Int == 0)
            try FileManager.default.removeItem(atPath: mount + "/disks/.snappy-flow-snapshots")
            let missed = try stage.doctor([document])
            #expect(missed.status == 0 && missed.texts("warning").contains { $0.contains("is not there any more") }, "\(missed.json)")
        }
    }

    @Test func whatLiesThereIsSaidWithoutADatabase() async throws {
        let stage = try await DoctorStage("without")
        defer { stage.close() }
        try stage.rig.write("data/file", "content")
        let kept = stage.rig.path("kept")
        let document = try stage.document(
            systems: ["home: {type: directory, path: \(stage.rig.path("data")), staging: 1MiB, stagingFolder: \(kept)}"],
            steps: ["snapshot: home", stage.gate, "copy: home\n    to: vault"])
        try stage.kill(try stage.startToGate(document))
        let nowhere = ["SNAPPY_FLOW_DATABASE": "host=\(stage.rig.path("no-socket")) dbname=none"]
        let alone = try stage.doctor([document, "--fix"], environment: nowhere)
        // This host may have others' besides.
        let ours = alone.outside("unjudged").filter { ($0["name"] as? String)?.hasPrefix(kept) == true }
        #expect(alone.status == 1 && ours.count == 1, "\(alone.json)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: kept).count == 1)
    }

    @Test func linesForPeopleSayWhatToDo() async throws {
        let stage = try await DoctorStage("lines")
        defer { stage.close() }
        let outcome = try stage.rig.run(["doctor"], environment: stage.database)
        #expect(outcome.status == 0 && outcome.output.contains("PostgreSQL 1") && outcome.output.contains("All is well."), "\(outcome)")
        let help = try stage.rig.run(["doctor", "--help"])
        for word in ["--fix", "--output", "Exit status 4", "foreign"] { #expect(help.output.contains(word), "\(word): \(help.output)") }
    }
}
