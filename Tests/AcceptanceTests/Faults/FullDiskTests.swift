import Foundation
import PostgreSQL
import Rigs
import Testing

/// Not one byte is free where state, cache or repository lie, while an application rests in a window: it is let go, and what is known of the job is true.
@Suite(.ownThread) struct FullDiskTests {
    /// A window over a file system that the kernel freezes, in which a gate is passed; then a copy and a verification. One of its folders is a disk of its own.
    private final class Stage {
        let faults: FaultStage
        let frozen: LoopMount
        let disk: LoopMount
        var rig: FlowRig { faults.rig }

        init(_ name: String, disk folder: String, megabytes: Int) async throws {
            faults = try FaultStage("full-\(name)")
            frozen = try await LoopMount("ext4", megabytes: 32)
            disk = try await LoopMount("ext4", at: faults.rig.path(folder), megabytes: megabytes)
        }

        func close() {
            _ = try? rig.run(["db", "down", "--force"])
            disk.unmount()
            rig.close()
        }

        func document(vault: String = "vault", repository: String? = nil) throws -> String {
            let (gate, mark) = (rig.path("gate"), rig.path("frozen"))
            try faults.script("quiesce", "touch \(mark)")
            try faults.script("thaw", "\(gate) thaw; rm -f \(mark)")
            let repository =
                repository ?? "{type: local, path: \(rig.path(vault)), password: {fromFile: \(rig.path("pw"))}}"
            return try rig.write(
                "pipeline.yaml",
                """
                name: full
                systems:
                  disk: {type: filesystem, path: \(frozen.path)}
                  app: {type: command, identity: full-app, quiesce: [\(rig.path("quiesce"))], thaw: [\(rig.path("thaw"))]}
                  files: {type: directory, path: \(rig.path("data")), staging: 80MiB}
                repositories:
                  vault: \(repository)
                steps:
                  - quiesce: app
                    maxHold: 60s
                  - quiesce: disk
                    maxHold: 60s
                  - exec: {argv: [\(rig.path("gate")), window], instant: true}
                    id: look
                    timeout: 50s
                  - snapshot: files
                  - copy: files
                    to: vault
                    retry: {attempts: 1}
                  - verify: copy
                    read: all
                """)
        }

        /// Starts the document's job, and returns when everything rests.
        func startAndFreeze(_ document: String) async throws -> FlowProcess {
            try faults.hold("window")
            let process = try rig.start(["run", document])
            do {
                try waitUntil("the window is open") { faults.isReached("window") }
            } catch {
                throw ResticRig.Failure(description: "\(error): \(process.output)\(process.errors)")
            }
            #expect(try await frozen.isFrozen && faults.isFrozen)
            return process
        }

        func expectThawed() async throws {
            #expect(!faults.isFrozen)
            #expect(try await !frozen.isFrozen)
        }

        var reserve: String { rig.path("state/snappy-flow/postgresql/control/reserve") }
        var administrator: ConnectionSettings {
            ConnectionSettings(
                socketFolder: rig.path("state/snappy-flow/postgresql/run"), user: "snappy_flow_admin", database: "postgres")
        }

        /// "runs as process N"
        func serverProcess() throws -> String {
            let status = try rig.run(["db", "status"]).output
            return status.split(separator: "\n").first { $0.contains("runs as process") }.map(String.init) ?? status
        }

        /// Has the server need more of its disk than it has: it ends in a panic, for what it writes first can't be refused.
        func exhaustServer() async throws {
            for _ in 0..<2 {
                guard let connection = try? await Connection.connect(administrator) else { return }
                guard (try? await connection.query("SELECT pg_switch_wal()::text, txid_current()::text")) != nil else { return }
            }
        }
    }

    @Test func aFullStateDiskEndsNeitherServerNorJob() async throws {
        let stage = try await Stage("state", disk: "state", megabytes: 320)
        defer { stage.close() }
        let document = try stage.document()
        let process = try await stage.startAndFreeze(document)
        try await stage.disk.fill()
        try await stage.exhaustServer()
        stage.faults.open("window")
        let outcome = process.wait()
        try await stage.expectThawed()
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.errors.contains("reserve") && outcome.errors.contains("free at least"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: stage.reserve))
        // What is there can be looked at; nothing is begun.
        #expect(try stage.faults.hasSucceeded())
        let refused = try stage.rig.run(["run", document])
        #expect(refused.status == 1, "\(refused.output)\n\(refused.errors)")
        for word in ["database", "expected:", "free", "do:", "may help", stage.rig.path("state")] {
            #expect((refused.output + refused.errors).contains(word), "\(word): \(refused.output)\n\(refused.errors)")
        }
        #expect(try stage.faults.jobs().count == 1)
        let doctor = try stage.rig.run(["doctor"])
        #expect(doctor.status == 1 && doctor.output.contains("reserve"), "\(doctor.output)\n\(doctor.errors)")
        // There is room again, and a reserve.
        try stage.disk.makeRoom()
        let next = try stage.rig.run(["run", document])
        #expect(next.status == 0, "\(next.output)\n\(next.errors)")
        #expect(FileManager.default.fileExists(atPath: stage.reserve))
        try await stage.faults.expectNothingLeft(snapshots: 2)
    }

    @Test func aStoppedServerStartsOnAFullDiskAndWhatIsOwedIsUndone() async throws {
        let stage = try await Stage("owed", disk: "state", megabytes: 320)
        defer { stage.close() }
        let document = try stage.document()
        let process = try await stage.startAndFreeze(document)
        try stage.faults.hold("thaw")
        process.send(SIGKILL)
        _ = process.wait()
        try waitUntil("a guard thaws") { stage.faults.isReached("thaw") }
        #expect(try stage.rig.run(["db", "down", "--force"]).status == 0)
        try await stage.disk.fill()
        stage.faults.open("thaw")
        stage.faults.open("window")
        // What is owed is undone; the window is not begun anew before there is room.
        let worker = try stage.rig.start(["worker"])
        try waitUntil("nothing is held") { try stage.rig.run(["doctor"]).output.contains("nothing is held") }
        try await stage.expectThawed()
        try waitUntil("it is said") { worker.errors.contains("before work begins") }
        #expect(try stage.faults.jobs().first?["outcome"] as? String == nil)
        try stage.disk.makeRoom()
        try waitUntil("the job ends") { try stage.faults.hasSucceeded() }
        worker.send(SIGTERM)
        #expect(worker.wait().status == 0, "\(worker.errors)")
        try await stage.faults.expectNothingLeft(snapshots: 1)
    }

    @Test func aCopyToTheDatabasesOwnDiskLeavesItRoom() async throws {
        let stage = try await Stage("shared", disk: "state", megabytes: 320)
        defer { stage.close() }
        let document = try stage.document(vault: "state/vault")
        #expect(try stage.rig.run(["db", "up"]).status == 0)
        let server = try stage.serverProcess()
        try stage.faults.noise("data/large", megabytes: 60)
        // 64 MiB are the server's, and 100 are left.
        try await stage.disk.fill(leaving: 100)
        let process = try await stage.startAndFreeze(document)
        stage.faults.open("window")
        let outcome = process.wait()
        try await stage.expectThawed()
        #expect(outcome.status == 1, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("are kept for") && outcome.output.contains("do:"), "\(outcome.output)")
        #expect(try stage.serverProcess() == server, "the server had to be started again")
        #expect(FileManager.default.fileExists(atPath: stage.reserve))
        try stage.disk.makeRoom()
        let job = try #require(try stage.faults.jobs().first?["id"] as? String)
        #expect(try stage.rig.run(["jobs", "retry", job]).status == 0)
        try stage.faults.withWorker { try waitUntil("the retried job ends") { try stage.faults.hasSucceeded() } }
        try await stage.faults.expectNothingLeft(repository: "state/vault", snapshots: 1)
    }

    @Test(arguments: [false, true]) func aFullCacheDiskCostsTheCacheOnly(fromTheStart: Bool) async throws {
        let stage = try await Stage("cache-\(fromTheStart)", disk: "cache", megabytes: 32)
        defer { stage.close() }
        let server = try await RestServerRig.started()
        let document = try stage.document(
            repository: "{type: rest, url: \"\(server.url)full\", password: {fromFile: \(stage.rig.path("pw"))}}")
        // The first copy makes the repository; what it is read by is kept from then on.
        let first = try stage.rig.run(["run", document])
        #expect(first.status == 0, "\(first.output)\n\(first.errors)")
        try stage.faults.noise("data/more", megabytes: 1)
        if fromTheStart { try await stage.disk.fill() }
        let process = try await stage.startAndFreeze(document)
        if !fromTheStart { try await stage.disk.fill() }
        stage.faults.open("window")
        let outcome = process.wait()
        try await stage.expectThawed()
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        let said = outcome.output + outcome.errors
        #expect(said.contains("warning: cache in \(stage.rig.path("cache"))"), "\(said)")
        let job = try #require(try stage.faults.jobs().first?["id"] as? String)
        let logs = try stage.rig.run(["jobs", "logs", job])
        #expect(
            logs.output.contains("not kept on this machine") && logs.output.contains("No space left"), "\(logs.output)\n\(logs.errors)")
        withExtendedLifetime(server) {}
    }

    @Test func aFullRepositoryLetsGoOfTheWindowAndIsRecorded() async throws {
        let stage = try await Stage("vault", disk: "vaults", megabytes: 96)
        defer { stage.close() }
        let document = try stage.document(vault: "vaults/vault")
        let process = try await stage.startAndFreeze(document)
        try await stage.disk.fill()
        stage.faults.open("window")
        let outcome = process.wait()
        try await stage.expectThawed()
        #expect(outcome.status == 1, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("No space left") && outcome.output.contains("free space"), "\(outcome.output)")
        let job = try #require(try stage.faults.jobs().first)
        #expect(job["outcome"] as? String == "failed" && job["cleanup"] as? String == "clean")
        // Before the next one it is known.
        let refused = try stage.rig.run(["run", document])
        #expect(refused.status == 1 && refused.errors.contains("may help"), "\(refused.output)\n\(refused.errors)")
        #expect(refused.errors.contains(stage.rig.path("vaults/vault")), "\(refused.errors)")
        #expect(try stage.faults.jobs().count == 1)
        try stage.disk.makeRoom()
        #expect(try stage.rig.run(["jobs", "retry", try #require(job["id"] as? String)]).status == 0)
        try stage.faults.withWorker { try waitUntil("the retried job ends") { try stage.faults.hasSucceeded() } }
        try await stage.faults.expectNothingLeft(repository: "vaults/vault", snapshots: 1)
    }
}
