import Foundation
import Rigs
import Testing

/// No secret's value where others could read it.
@Suite(.ownThread) struct SecretTests {
    @Test func noSecretIsSeenInProcessesOutputEventsLogsOrRows() async throws {
        let stage = try FaultStage("secret")
        defer { stage.rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        let words = [FaultStage.password, "hunter-of-the-environment"]
        // The application's program says its secret aloud, on both outputs, and fails once.
        let document = try stage.document()
        try stage.script(
            "speak",
            "echo \"out $TOKEN\"; echo \"err $TOKEN\" >&2; \(stage.rig.path("gate")) speaking; [ -e \(stage.rig.path("told")) ] || { touch \(stage.rig.path("told")); exit 3; }"
        )
        let step = """

              - exec:
                  argv: [\(stage.rig.path("speak"))]
                  environment: {TOKEN: {fromEnv: FAULT_TOKEN}}
                id: speak
                retry: {attempts: 3, backoff: 10ms}

            """
        let text = try String(contentsOfFile: document, encoding: .utf8) + step
        try Data(text.utf8).write(to: URL(fileURLWithPath: document))
        try stage.hold("window")
        try stage.hold("speaking")
        let process = try stage.rig.start(["run", document, "--database", server.address], environment: ["FAULT_TOKEN": words[1]])
        for gate in ["window", "speaking"] {
            try waitUntil("\(gate) is reached") { stage.isReached(gate) }
            // The worker, its guard, the server and the programs all run now.
            #expect(ProcessList.showing(words) == [])
            stage.open(gate)
        }
        let outcome = process.wait()
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        var seen = outcome.output + outcome.errors
        let job = try #require(try stage.jobs(["--database", server.address]).first?["id"] as? String)
        for command in [["jobs", "show", job, "--output", "json"], ["jobs", "logs", job], ["plan", document, "--form", "json"]] {
            let shown = try stage.rig.run(command + (command[0] == "jobs" ? ["--database", server.address] : []))
            #expect(shown.status == 0, "\(shown.errors)")
            seen += shown.output + shown.errors
        }
        #expect(seen.contains("speak"), "the outputs were looked at")
        // Every row of every table, and what the server logged.
        seen += try await HostProgram.run([
            "\(server.programs)/pg_dump", "-h", server.socketFolder, "-U", "postgres", "--inserts", "postgres",
        ])
        seen += (try? String(contentsOfFile: server.folder + "/server.log", encoding: .utf8)) ?? ""
        #expect(seen.contains("INSERT INTO"), "the rows were looked at")
        for word in words { #expect(!seen.contains(word)) }
    }
}
