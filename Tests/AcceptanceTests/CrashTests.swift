import Foundation
import Rigs
import Testing

/// What the program promises on the worst day: killed, interrupted, thaw failing. Every fault hits the real program from outside.
@Suite(.ownThread) struct CrashTests {
    /// A frozen application is a flag file; a hold step keeps the window open until the test is done with it.
    private func window(_ name: String, hold: Bool, quiesce: String? = nil) throws -> (
        rig: FlowRig, document: String, frozen: String
    ) {
        let rig = try FlowRig("crash-\(name)")
        try rig.write("pw", "secret\n")
        for number in 0..<10 { try rig.write("data/file\(number)", "\(number)\n") }
        let frozen = rig.path("frozen")
        let freeze = quiesce?.replacing("FROZEN", with: frozen).replacing("PID", with: rig.path("pid")) ?? "[touch, \(frozen)]"
        let waiting = hold ? "    - exec: {argv: [sleep, \"25\"], instant: true}\n      id: hold\n      timeout: 28s\n" : ""
        let document = try rig.write(
            "window.yaml",
            """
            apiVersion: snappyflow.dev/v1
            kind: Pipeline
            metadata: {name: window}
            spec:
              systems:
                app: {type: command, identity: app, quiesce: \(freeze), thaw: [rm, -f, \(frozen)]}
                files: {type: directory, path: \(rig.path("data")), staging: 10MiB}
              repositories:
                vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
              steps:
                - quiesce: app
                  maxHold: 60s
            \(waiting)    - snapshot: files
                - copy: files
                  to: vault

            """)
        return (rig, document, frozen)
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private func newestJob(_ rig: FlowRig) throws -> [String: Any]? {
        let listing = try rig.run(["jobs", "list", "--output", "json"])
        return (try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]])?.first
    }

    @Test func killedWhileFrozenTheGuardThawsAndTheNextRunFinishesTheJob() throws {
        let (rig, document, frozen) = try window("kill", hold: true)
        defer { rig.close() }
        let process = try rig.start(["run", document])
        try waitUntil("the application is frozen") { exists(frozen) }
        process.send(SIGKILL)
        #expect(process.wait().signal == SIGKILL)
        // Nobody comes: no worker, no other command.
        try waitUntil("the guard thaws", seconds: 20) { !exists(frozen) }

        // A pipeline that has nothing to do with it takes the orphan up.
        let other = try rig.write(
            "other.yaml",
            """
            name: other
            steps:
              - exec: {argv: ["true"]}
            """)
        let outcome = try rig.run(["run", other])
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        let worker = try rig.start(["worker"])
        defer {
            worker.send(SIGTERM)
            _ = worker.wait()
        }
        var job: [String: Any]?
        try waitUntil("the orphaned job ends", seconds: 90) {
            let listing = try rig.run(["jobs", "list", "--pipeline", "window", "--output", "json"])
            job = (try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]])?.first
            return job?["endedAt"] is String
        }
        #expect(job?["cleanup"] as? String == "clean", "\(String(describing: job))")
        #expect(!exists(frozen))
        #expect(try stagingFolders(rig).isEmpty, "a system snapshot is left")
    }

    @Test func aFreezeThatIsUnderWayWhenItsWorkerIsKilledNeverLands() throws {
        let (rig, document, frozen) = try window("late", hold: false, quiesce: "[sh, -c, 'echo $$ > PID; sleep 40; touch FROZEN']")
        defer { rig.close() }
        let process = try rig.start(["run", document])
        var freezer: Int32 = 0
        try waitUntil("the quiesce program runs") {
            freezer = (try? String(contentsOfFile: rig.path("pid"), encoding: .utf8)).flatMap { Int32($0.dropLast()) } ?? 0
            return freezer > 0
        }
        process.send(SIGKILL)
        _ = process.wait()
        // It went on by itself, and would have frozen the application for ever.
        try waitUntil("the guard ends the quiesce program", seconds: 20) { kill(freezer, 0) != 0 }
        #expect(!exists(frozen))
    }

    @Test func controlCUndoesAndSaysSo() throws {
        let (rig, document, frozen) = try window("interrupt", hold: true)
        defer { rig.close() }
        let process = try rig.start(["run", document])
        try waitUntil("the application is frozen") { exists(frozen) }
        process.send(SIGINT)
        let outcome = process.wait()
        #expect(outcome.status == 5, "\(outcome.status): \(outcome.output)\n\(outcome.errors)")
        #expect(!exists(frozen))
        #expect(try newestJob(rig)?["outcome"] as? String == "cancelled")
        #expect(try newestJob(rig)?["cleanup"] as? String == "clean")
        #expect(try stagingFolders(rig).isEmpty, "a system snapshot is left")
    }

    @Test func aThawThatFailsThreeTimesIsAnAlarmAndNoSuccess() throws {
        let rig = try FlowRig("crash-thaw")
        defer { rig.close() }
        try rig.write("pw", "secret\n")
        try rig.write("data/file", "x")
        // Works from the moment on when `cured` exists.
        let thaw = try rig.write(
            "thaw.sh", "#!/bin/sh\n[ -e \(rig.path("cured")) ] || { echo thaw is broken >&2; exit 9; }\nrm -f \(rig.path("frozen"))\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: thaw)
        let document = try rig.write(
            "window.yaml",
            """
            name: window
            systems:
              app: {type: command, identity: app, quiesce: [touch, \(rig.path("frozen"))], thaw: [\(thaw)]}
              files: {type: directory, path: \(rig.path("data")), staging: 10MiB}
            repositories:
              vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
            steps:
              - quiesce: app
              - snapshot: files
              - copy: files
                to: vault
            """)
        let outcome = try rig.run(["run", document])
        #expect(outcome.status == 4, "\(outcome.status): \(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("Still held"), "\(outcome.output)")
        #expect(outcome.output.contains("thaw is broken"), "\(outcome.output)")
        #expect(try rig.run(["doctor"]).status == 4)

        try rig.write("cured", "")
        let worker = try rig.start(["worker"])
        defer {
            worker.send(SIGTERM)
            _ = worker.wait()
        }
        try waitUntil("the thaw works", seconds: 120) { !exists(rig.path("frozen")) }
        try waitUntil("the job is clean") { try newestJob(rig)?["cleanup"] as? String == "clean" }
    }

    @Test func killedInTheMiddleOfACopyTheNextWorkerFinishesIt() throws {
        let rig = try FlowRig("crash-copy")
        defer { rig.close() }
        try rig.write("pw", "secret\n")
        try FileManager.default.createDirectory(atPath: rig.path("data"), withIntermediateDirectories: true)
        var generator = SystemRandomNumberGenerator()
        for number in 0..<12 {
            var bytes = [UInt64](repeating: 0, count: 2 << 20)
            for index in bytes.indices { bytes[index] = generator.next() }
            try bytes.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: rig.path("data/big\(number)"))) }
        }
        let document = try rig.write(
            "copy.yaml",
            """
            name: big
            systems: {data: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
            steps:
              - copy: data
                to: vault
            """)
        let process = try rig.start(["run", document])
        try waitUntil("the first packs are there") {
            let packs =
                FileManager.default.enumerator(atPath: rig.path("vault/data"))?.compactMap { $0 as? String }.filter { $0.count > 60 } ?? []
            return packs.count >= 2
        }
        process.send(SIGKILL)
        _ = process.wait()
        let worker = try rig.start(["worker"])
        defer {
            worker.send(SIGTERM)
            _ = worker.wait()
        }
        try waitUntil("the copy is finished", seconds: 120) { try newestJob(rig)?["outcome"] as? String == "succeeded" }
        let check = Process()
        check.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        check.arguments = ["restic", "-r", rig.path("vault"), "check", "--read-data"]
        check.environment = ProcessInfo.processInfo.environment.merging(
            ["RESTIC_PASSWORD_FILE": rig.path("pw"), "RESTIC_CACHE_DIR": rig.path("restic-cache")]) { _, new in new }
        try check.run()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0)
    }

    /// Snapshots that a directory system has staged.
    private func stagingFolders(_ rig: FlowRig) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: rig.folder).filter { $0.contains("snappy-flow-snapshots") }
    }
}
