import Foundation
import Glibc
import Rigs
import Testing

/// The log of the built program: what a service says of its own running, beside what a command prints.
@Suite(.ownThread) struct LogTests {
    /// A step that fails once, and one after it.
    private func document(_ rig: FlowRig) throws -> String {
        try rig.write(
            "pipeline.yaml",
            """
            name: logged
            steps:
              - exec: [sh, -c, "test -e \(rig.path("once")) || { touch \(rig.path("once")); exit 3; }"]
                id: first
                retry: {attempts: 3, backoff: 10ms}
              - exec: ["true"]
                id: second
            """)
    }

    private let allowed = ["--allow-program", "sh", "--allow-program", "true", "--allow", "/"]

    private func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any], "\($0)")
        }
    }

    /// Submits the document, and returns the job as JSON once it has ended.
    private func carryOut(_ rig: FlowRig, _ worker: FlowProcess) throws -> [String: Any] {
        let outcome = try rig.run(["submit", "--wait", try document(rig)])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)\nworker: \(worker.errors)")
        let list = try JSONSerialization.jsonObject(with: Data(try rig.run(["jobs", "list", "--output", "json"]).output.utf8))
        let job = try #require((list as? [[String: Any]])?.first?["id"] as? String)
        let shown = try rig.run(["jobs", "show", job, "--output", "json"])
        return try #require(try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any])
    }

    @Test func everyAttemptOfTheDatabaseIsInTheLogOfItsWorker() throws {
        let rig = try FlowRig("log-json")
        defer { rig.close() }
        let worker = try rig.start(["worker", "--log-format", "json", "--log-level", "debug"] + allowed)
        let job = try carryOut(rig, worker)
        worker.send(SIGTERM)
        #expect(worker.wait().status == 0)
        let lines = try objects(worker.errors)
        for line in lines {
            for key in ["time", "level", "label", "message"] { #expect(line[key] is String, "\(line)") }
            #expect((line["time"] as? String)?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(line)")
        }
        let id = try #require(job["id"] as? String)
        var recorded: Set<String> = []
        for step in try #require(job["steps"] as? [[String: Any]]) {
            for attempt in try #require(step["attempts"] as? [[String: Any]]) {
                recorded.insert("\(step["id"] ?? "") \(attempt["number"] ?? "") \(attempt["worker"] ?? "") \(attempt["outcome"] ?? "")")
            }
        }
        let ended = lines.filter { $0["message"] as? String == "an attempt has ended" && $0["job"] as? String == id }
        let logged = Set(ended.map { "\($0["step"] ?? "") \($0["attempt"] ?? "") \($0["worker"] ?? "") \($0["outcome"] ?? "")" })
        #expect(recorded.count == 3 && logged == recorded, "\(logged) \(recorded)")
        let begun = lines.filter { $0["message"] as? String == "an attempt begins" && $0["job"] as? String == id }
        #expect(begun.count == 3 && begun.allSatisfy { $0["verb"] as? String == "exec" && $0["worker"] is String })
        let failed = try #require(ended.first { $0["outcome"] as? String == "failed" })
        #expect(failed["level"] as? String == "warning")
        #expect(((failed["error"] as? [String: Any])?["code"] as? String)?.isEmpty == false, "\(failed)")
        let end = lines.filter { $0["message"] as? String == "the job has ended" && $0["job"] as? String == id }
        #expect(end.count == 1 && end[0]["outcome"] as? String == "succeeded" && end[0]["cleanup"] as? String == "clean")
        #expect(lines.contains { $0["level"] as? String == "debug" })
    }

    @Test func levelsAndTheVariablesOfTheEnvironment() throws {
        let rig = try FlowRig("log-level")
        defer { rig.close() }
        let warned = try rig.start(
            ["worker"] + allowed, environment: ["SNAPPY_FLOW_LOG_LEVEL": "warning", "SNAPPY_FLOW_LOG_FORMAT": "json"])
        _ = try carryOut(rig, warned)
        warned.send(SIGTERM)
        #expect(warned.wait().status == 0)
        let levels = Set(try objects(warned.errors).compactMap { $0["level"] as? String })
        #expect(levels == ["warning"], "\(warned.errors)")
        // An option stands over the variable.
        let text = try rig.start(
            ["worker", "--log-format", "text", "--log-level", "notice"] + allowed, environment: ["SNAPPY_FLOW_LOG_FORMAT": "json"])
        try waitUntil("it works") { text.errors.contains(" notice worker: begins, on ") }
        text.send(SIGTERM)
        _ = text.wait()
        let pattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|notice) [a-z-]+: .+/
        for line in text.errors.split(separator: "\n") { #expect(line.wholeMatch(of: pattern) != nil, "\(line)") }
        // What can't be is refused before anything begins.
        for wrong in [["--log-format", "xml"], ["--log-level", "loud"], ["--log-to", "stdout"]] {
            let refused = try rig.run(["worker"] + wrong)
            #expect(refused.status == 2 && refused.errors.contains(wrong[0]) && refused.errors.contains(wrong[1]), "\(refused.errors)")
        }
        let refused = try rig.run(["jobs", "list"], environment: ["SNAPPY_FLOW_LOG_TO": "the moon"])
        #expect(refused.status != 0 && refused.errors.contains("SNAPPY_FLOW_LOG_TO"), "\(refused.errors)")
    }

    @Test func syslogGetsWhatStandardErrorDoesNot() throws {
        let rig = try FlowRig("log-syslog")
        defer { rig.close() }
        let daemon = try SyslogRig(rig.path("syslog"))
        let worker = try rig.start(["worker", "--log-to", "syslog:\(rig.path("syslog"))"] + allowed)
        var messages: [String] = []
        while !messages.contains(where: { $0.contains("begins, on ") }) { messages.append(try daemon.next()) }
        worker.send(SIGTERM)
        #expect(worker.wait().status == 0)
        let pattern = /<29>1 \S+Z \S+ snappy-flow (\d+) worker - begins, on .* worker=\S+/
        let found = try #require(messages.last?.wholeMatch(of: pattern), "\(messages)")
        #expect(Int32(found.1) == worker.pid)
        #expect(worker.errors.isEmpty, "\(worker.errors)")
    }

    /// Whatever is wrong with the log: closed (its number would be the next file's), a reader that went away, one that reads nothing.
    @Test(arguments: [
        #"exec "$@" 2>&-"#, #"exec "$@" 2> >(:)"#,
        #"mkfifo log; exec 3<>log; head -c 65536 /dev/zero >log; exec "$@" 2>log"#,
    ]) func nothingThatIsWrongWithTheLogIsWrongWithTheBackup(_ script: String) async throws {
        let rig = try FlowRig("log-broken")
        defer { rig.close() }
        try rig.write("pw", "geheim\n")
        for number in 0..<10 { try rig.write("data/\(number)", String(repeating: "\(number) ", count: 4000)) }
        let text = """
            name: home
            systems: {home: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
            steps:
              - copy: home
                to: vault
            """
        let document = try rig.write("home.yaml", text)
        let worker = try rig.start(
            ["worker", "--log-level", "debug", "--allow", rig.folder],
            through: ["/bin/bash", "-c", "cd \(rig.folder) && " + script, "bash"])
        let outcome = try rig.run(["submit", "--wait", document])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        worker.send(SIGTERM)
        #expect(worker.wait().status == 0)
        let restic = try ResticRig(repository: rig.path("vault"), password: "geheim", cache: rig.path("restic-cache"))
        try await restic.succeed("check", "--read-data")
    }
}
