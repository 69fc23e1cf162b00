import Foundation
import Rigs
import Testing

/// The built program with a pipeline whose programs stop at gates: a fault is put exactly where the test wants it.
struct FaultStage {
    let rig: FlowRig

    init(_ name: String) throws {
        rig = try FlowRig("fault-\(name)")
        try rig.write("pw", Self.password + "\n")
        try rig.write("gates/README", "A file NAME.held makes gate NAME wait; NAME.reached says that somebody waits there.\n")
        try script(
            "gate",
            """
            [ -e \(rig.path("gates/$1.held")) ] || exit 0
            : > \(rig.path("gates/$1.reached"))
            while [ -e \(rig.path("gates/$1.held")) ]; do sleep 0.05; done
            """)
        for number in 0..<10 { try rig.write("data/part\(number % 3)/file\(number)", String(repeating: "\(number) ", count: 4000)) }
        try noise("payload", megabytes: 3)
    }

    static let password = "sesame-of-the-faults"

    /// An executable shell script.
    @discardableResult
    func script(_ name: String, _ text: String) throws -> String {
        let path = try rig.write(name, "#!/bin/sh\n\(text)\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    /// A file that no compression makes smaller.
    func noise(_ name: String, megabytes: Int) throws {
        let path = try rig.write(name, "")
        try Data(Rigs.noise(megabytes << 20, seed: .random(in: 0 ... .max))).write(to: URL(fileURLWithPath: path))
    }

    // MARK: gates

    func hold(_ gate: String) throws { try rig.write("gates/\(gate).held", "") }
    func open(_ gate: String) { try? FileManager.default.removeItem(atPath: rig.path("gates/\(gate).held")) }
    func isReached(_ gate: String) -> Bool { exists("gates/\(gate).reached") }
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: rig.path(path)) }
    var isFrozen: Bool { exists("frozen") }

    // MARK: the pipeline

    /// A window over a folder, copies of the folder and of a stream, and a full verification; every program passes a gate.
    func document(maxHold: String = "60s", thaw: String? = nil) throws -> String {
        let (gate, frozen, payload) = (rig.path("gate"), rig.path("frozen"), rig.path("payload"))
        try script("quiesce", "\(gate) quiesce-before; touch \(frozen); \(gate) quiesce-after")
        try script("thaw", thaw ?? "\(gate) thaw-before; rm -f \(frozen); \(gate) thaw-after")
        try script("source", "head -c 1500000 \(payload); \(gate) copy-within; tail -c +1500001 \(payload)")
        try script("end", "\(gate) verified")
        return try rig.write(
            "pipeline.yaml",
            """
            name: faults
            systems:
              app: {type: command, identity: fault-app, quiesce: [\(rig.path("quiesce"))], thaw: [\(rig.path("thaw"))]}
              files: {type: directory, path: \(rig.path("data")), staging: 10MiB}
              others: {type: directory, path: \(rig.path("gates")), staging: 10MiB}
              stream: {type: command, identity: fault-stream, source: [\(rig.path("source"))]}
            repositories:
              vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
            steps:
              - quiesce: app
                maxHold: \(maxHold)
              - snapshot: files
              - exec: {argv: [\(gate), window], instant: true}
                id: look
                timeout: 50s
              - snapshot: others
              - copy: files
                to: vault
              - exec: {argv: [\(gate), between]}
                id: pause
              - copy: stream
                to: vault
              - verify: copy-stream
                read: all
              - exec: {argv: [\(rig.path("end"))]}
                id: end
            """)
    }

    // MARK: what is there afterwards

    func jobs(_ more: [String] = []) throws -> [[String: Any]] {
        let listing = try rig.run(["jobs", "list", "--output", "json"] + more)
        return try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]] ?? []
    }

    /// True once the only job has succeeded and nothing of it is held.
    func hasSucceeded(_ more: [String] = []) throws -> Bool {
        let job = try jobs(more).first
        if let outcome = job?["outcome"] as? String, outcome != "succeeded" {
            throw ResticRig.Failure(
                description: "the job ended as \(outcome): \(try rig.run(["jobs", "show", job?["id"] as? String ?? ""] + more).output)")
        }
        return job?["endedAt"] is String && job?["cleanup"] as? String == "clean"
    }

    /// Nothing rests, no system snapshot and no lock is left, and the stock restic finds the repository whole.
    func expectNothingLeft(repository: String = "vault", snapshots: Int?) async throws {
        #expect(!isFrozen)
        let staged = try FileManager.default.contentsOfDirectory(atPath: rig.folder).filter { $0.contains("snappy-flow-snapshots") }
        #expect(staged.isEmpty, "a system snapshot is left")
        let restic = try ResticRig(repository: rig.path(repository), password: Self.password, cache: rig.path("restic-cache"))
        #expect(try await restic.succeed("list", "locks", "--no-lock").isEmpty, "a lock is left")
        try await restic.succeed("check", "--read-data")
        guard let snapshots else { return }
        let listed = try JSONSerialization.jsonObject(with: Data(try await restic.succeed("snapshots", "--json").utf8)) as? [Any]
        #expect(listed?.count == snapshots)
    }

    /// A worker until `body` has returned; it must end in order.
    func withWorker(_ more: [String] = [], _ body: () throws -> Void) throws {
        let worker = try rig.start(["worker"] + more)
        do { try body() } catch {
            worker.send(SIGKILL)
            _ = worker.wait()
            throw ResticRig.Failure(description: "\(error)\nworker: \(worker.errors)")
        }
        worker.send(SIGTERM)
        let outcome = worker.wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
    }
}
