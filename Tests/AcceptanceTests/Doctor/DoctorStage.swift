import Foundation
import Glibc
import Rigs
import Testing

/// The built program, a control database of the test's own, and jobs that are killed where the test wants it.
struct DoctorStage {
    let rig: FlowRig
    let server: PostgreSQLServerRig

    init(_ name: String) async throws {
        rig = try FlowRig("doctor-\(name)")
        server = try await PostgreSQLServerRig.start()
        try rig.write("pw", "secret of the vault\n")
        chmod(rig.path("pw"), 0o600)
        let gate = try rig.write(
            "gate",
            """
            #!/bin/sh
            [ -e \(rig.path("held")) ] || exit 0
            : > \(rig.path("reached"))
            while [ -e \(rig.path("held")) ]; do sleep 0.05; done
            """)
        chmod(gate, 0o755)
    }

    func close() {
        rig.close()
        server.stop()
    }

    var database: [String: String] { ["SNAPPY_FLOW_DATABASE": server.address] }

    var vault: String { "vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}" }

    /// An `exec` that waits while the gate is held.
    var gate: String { "exec: {argv: [\(rig.path("gate"))], instant: true}\n    id: gate\n    timeout: 200s" }

    func document(_ name: String = "one", systems: [String], steps: [String]) throws -> String {
        try rig.write(
            "\(name).yaml",
            "name: \(name)\nsystems:\n" + systems.map { "  \($0)\n" }.joined() + "repositories:\n  \(vault)\nsteps:\n"
                + steps.map { "  - \($0)\n" }.joined())
    }

    // MARK: jobs

    /// Runs the document until its gate is reached.
    func startToGate(_ document: String) throws -> FlowProcess {
        try rig.write("held", "")
        try? FileManager.default.removeItem(atPath: rig.path("reached"))
        let process = try rig.start(["run", document], environment: database)
        do {
            try waitUntil("the gate is reached", seconds: 120) { FileManager.default.fileExists(atPath: rig.path("reached")) }
        } catch {
            process.send(SIGKILL)
            throw ResticRig.Failure(description: "\(error): \(process.output)\n\(process.errors)")
        }
        return process
    }

    func openGate() { try? FileManager.default.removeItem(atPath: rig.path("held")) }

    /// With its guards, which would thaw what it leaves.
    func kill(_ process: FlowProcess) throws {
        process.send(SIGSTOP)
        for (child, arguments) in Self.children(of: process.pid) where arguments.contains("--freeze") { Glibc.kill(child, SIGKILL) }
        process.send(SIGKILL)
        _ = process.wait()
        openGate()
    }

    private static func children(of parent: Int32) -> [(Int32, [String])] {
        let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        return numbers.compactMap { number in
            guard let status = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8), let end = status.lastIndex(of: ")"),
                status[end...].split(separator: " ").dropFirst(2).first.flatMap({ Int32($0) }) == parent,
                let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline")
            else { return nil }
            return (number, line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
        }
    }

    /// As if its rows had never been, but for the names that it gave.
    func forgetJobs() async throws {
        try await server.execute(
            "DELETE FROM compensations; DELETE FROM bases; DELETE FROM jobs; DELETE FROM history; UPDATE workers SET lease_until = now() - interval '1 hour'"
        )
    }

    // MARK: doctor

    struct Diagnosis {
        var status: Int32
        var json: [String: Any]
        var errors: String

        var findings: [[String: Any]] { json["findings"] as? [[String: Any]] ?? [] }
        /// What lies outside, by what is made of it.
        func outside(_ standing: String) -> [[String: Any]] {
            findings.compactMap { finding in
                guard let holding = finding["holding"] as? [String: Any], holding["standing"] as? String == standing else { return nil }
                return holding.merging(["severity": finding["severity"] ?? "", "mended": finding["mended"] ?? false]) { $1 }
            }
        }
        func texts(_ severity: String) -> [String] {
            findings.filter { $0["severity"] as? String == severity }.compactMap { $0["text"] as? String }
        }
    }

    func doctor(_ arguments: [String], environment: [String: String]? = nil) throws -> Diagnosis {
        let outcome = try rig.run(["doctor", "--output", "json"] + arguments, environment: environment ?? database)
        guard let json = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] else {
            throw ResticRig.Failure(description: "no JSON: \(outcome.status) \(outcome.output)\n\(outcome.errors)")
        }
        #expect(json["status"] as? Int == Int(outcome.status))
        return Diagnosis(status: outcome.status, json: json, errors: outcome.errors)
    }

    /// What a job left is late while it is owed, foreign to another database, ours and unknown when its job is over; then it is released, once.
    /// `isThere` says whether it is; `kind` how it is listed.
    func expectReleased(
        _ document: String, kinds: Set<String>, isThere: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        func expect(_ condition: Bool, _ comment: @autoclosure () -> String) {
            #expect(condition, "\(comment())", sourceLocation: sourceLocation)
        }
        expect(try await isThere(), "nothing was left")
        let late = try doctor([document])
        expect(late.status == 4 && Set(late.outside("late").compactMap { $0["kind"] as? String }) == kinds, "\(late.json)")
        let owed = try doctor([document, "--fix"])
        expect(owed.status == 4 && owed.outside("late").count == late.outside("late").count, "\(owed.json)")
        expect(try await isThere(), "what is owed was released")
        // Another database knows nothing of it, and must not touch it.
        try await server.execute("CREATE DATABASE other")
        let other = ["SNAPPY_FLOW_DATABASE": "host=\(server.socketFolder) port=\(server.port) user=\(server.superuser) dbname=other"]
        let foreign = try doctor([document, "--fix"], environment: other)
        // This host may have others' besides.
        expect(Set(foreign.outside("foreign").compactMap { $0["kind"] as? String }).isSuperset(of: kinds), "\(foreign.json)")
        expect(try await isThere(), "what is another database's was released")

        try await forgetJobs()
        let unknown = try doctor([document])
        expect(unknown.status == 4 && Set(unknown.outside("unknown").compactMap { $0["kind"] as? String }) == kinds, "\(unknown.json)")
        expect(try await isThere(), "it was released without being told to")
        let fixed = try doctor([document, "--fix"])
        expect(try await !isThere(), "\(fixed.json) \(fixed.errors)")
        expect(fixed.status == 0, "\(fixed.json)")
        let again = try doctor([document, "--fix"])
        expect(again.status == 0 && again.outside("unknown").isEmpty && again.json["mended"] as? Int == 0, "\(again.json)")
    }
}
