import Foundation
import Rigs
import Testing

/// Secrets that are wrong, and programs and servers that repeat them: none gets into a log, a row, an output or a process's arguments.
@Suite(.ownThread) struct LogSecretTests {
    private static let marker = "marker-of-a-secret-0815"

    /// What is tried: steps, and the systems and repositories that they need.
    private struct Attempt {
        var name: String
        var declarations: String
        var steps: String
    }

    /// And the servers that are asked, to be held meanwhile.
    private func attempts(_ rig: FlowRig, _ server: PostgreSQLServerRig) async throws -> ([Attempt], servers: [any Sendable]) {
        let gateway = try await RadosGatewayRig.running()
        let hash = try await HostProgram.run(["openssl", "passwd", "-6", "another one"]).trimmingCharacters(in: .whitespacesAndNewlines)
        let rest = try await RestServerRig.started(["--htpasswd", try rig.write("users", "anna:\(hash)\n")])
        // Says back what it was asked, as debugging servers do.
        let echo = try HTTPRig { request in
            let body = request.headers.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
            return "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        }
        let marker = "{fromEnv: MARKER}"
        let copy = "- {copy: files, to: vault, retry: {attempts: 1}}"
        func vault(_ settings: String) -> String {
            """
            systems: {files: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: {\(settings), password: {fromEnv: OTHER}, retryFor: 0s}}
            """
        }
        let attempts = [
            Attempt(
                name: "postgresql",
                declarations: """
                    systems: {db: {type: postgresql, host: \(server.socketFolder), user: anna, password: \(marker)}}
                    repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromEnv: OTHER}}}
                    """, steps: "- {copy: db, to: vault, retry: {attempts: 1}}"),
            Attempt(
                name: "s3",
                declarations: vault(
                    "type: s3, endpoint: '\(gateway.url)', bucket: secrets, accessKey: {fromEnv: S3_KEY}, secretKey: \(marker)"),
                steps: copy),
            Attempt(
                name: "swift",
                declarations: vault(
                    """
                    type: swift, authURL: '\(gateway.swiftKeys.url)', container: c, user: '\(gateway.swiftKeys.user)', \
                    userPassword: \(marker)
                    """),
                steps: copy),
            Attempt(
                name: "rest", declarations: vault("type: rest, url: '\(rest.url)r/', user: anna, userPassword: \(marker)"), steps: copy),
            Attempt(
                name: "repository",
                declarations: """
                    systems: {files: {type: directory, path: \(rig.path("data"))}}
                    repositories: {vault: {type: local, path: \(rig.path("others")), password: \(marker)}}
                    """, steps: copy),
            Attempt(
                name: "plug-in",
                declarations: """
                    systems: {disk: {type: image-folder, folder: \(rig.path("images")), image: shop.img, copy: true, token: \(marker)}}
                    repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromEnv: OTHER}}}
                    """,
                steps: """
                    - {quiesce: disk, maxHold: 20s, retry: {attempts: 1}}
                    - {snapshot: disk, retry: {attempts: 1}}
                    - {copy: disk, to: vault, retry: {attempts: 1}}
                    """),
            Attempt(
                name: "exec", declarations: "",
                steps: """
                    - exec: {argv: [sh, -c, 'echo "out $TOKEN"; echo "err $TOKEN" >&2; exit 3'], environment: {TOKEN: \(marker)}}
                      retry: {attempts: 1}
                    """),
            Attempt(
                name: "http", declarations: "",
                steps: """
                    - http: {url: '\(echo.url)/', headers: {Authorization: {fromEnv: BEARER}, X-Token: \(marker)}}
                      retry: {attempts: 1}
                    """),
        ]
        return (attempts, [rest, echo])
    }

    /// The example, with words that it should not say.
    private func installTalkativePlugin(_ rig: FlowRig) throws {
        let source = FlowRig.packageRoot + "/examples/plugin/"
        let text = try String(contentsOfFile: source + "image-folder", encoding: .utf8)
        let opened = """
                    import sys
                    print("opened with", settings.get("token"), file=sys.stderr, flush=True)
                    self.may_copy =
            """
        let failed = """
                def snapshot(self, key):
                    raise Failure("failed", "a token", self.token, self.token, self.token)

            """
        let talkative = text.replacing("        self.may_copy =", with: opened).replacing("    def snapshot(self, key):\n", with: failed)
        #expect(talkative.contains("opened with") && talkative.contains("raise Failure(\"failed\""))
        let program = try rig.write("plugins/image-folder", talkative)
        try rig.write("plugins/snappy_plugin.py", try String(contentsOfFile: source + "snappy_plugin.py", encoding: .utf8))
        chmod(program, 0o755)
    }

    @Test(arguments: ["text", "json"]) func noSecretIsInAnyLogRowOrProcess(format: String) async throws {
        let rig = try FlowRig("log-secrets")
        defer { rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        try await server.execute("CREATE ROLE anna LOGIN PASSWORD 'another one'")
        try rig.write("data/file", "content")
        try rig.write("images/shop.img", String(repeating: "x", count: 1 << 20))
        try installTalkativePlugin(rig)
        let restic = try ResticRig(repository: rig.path("others"), password: "another one", cache: rig.path("restic-cache"))
        try await restic.succeed("init")
        let environment = [
            "MARKER": Self.marker, "BEARER": "Bearer \(Self.marker)", "OTHER": "geheim",
            "S3_KEY": (try await RadosGatewayRig.running()).accessKey,
            "SNAPPY_FLOW_PLUGINS": rig.path("plugins"), "SNAPPY_FLOW_LOG_FORMAT": format, "SNAPPY_FLOW_LOG_LEVEL": "debug",
        ]
        var seen = ""
        var shown: Set<String> = []
        func run(_ arguments: [String], _ more: [String: String] = [:]) throws -> FlowOutcome {
            let process = try rig.start(arguments, environment: environment.merging(more) { $1 })
            while process.isRunning {
                shown.formUnion(ProcessList.showing([Self.marker]))
                usleep(20_000)
            }
            let outcome = process.wait()
            seen += outcome.output + outcome.errors
            return outcome
        }
        let (attempts, servers) = try await attempts(rig, server)
        defer { withExtendedLifetime(servers) {} }
        for attempt in attempts {
            let document = try rig.write(
                "\(attempt.name).yaml", "name: \(attempt.name)\n\(attempt.declarations)\nsteps:\n" + indented(attempt.steps))
            let outcome = try run(["run", document, "--database", server.address])
            // The step has been carried out: nothing was refused before.
            #expect(outcome.output.contains("job "), "\(attempt.name): \(outcome.output)\(outcome.errors)")
            #expect(
                (outcome.status == 0) == (attempt.name == "http"),
                "\(attempt.name): \(outcome.status) \(outcome.output)\(outcome.errors)")
        }
        // The control database's own password, wrong; a URL that should hold none.
        let own = "postgresql://anna:\(Self.marker)@/postgres?host=\(server.socketFolder)"
        for command in [["worker"], ["jobs", "list"]] {
            #expect(try run(command, ["SNAPPY_FLOW_DATABASE": own]).status != 0)
        }
        let url = try rig.write(
            "url.yaml",
            """
            name: url
            systems: {files: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: {type: rest, url: 'http://anna:\(Self.marker)@127.0.0.1:1/r/', password: {fromEnv: OTHER}}}
            steps: [{copy: files, to: vault}]
            """)
        let refused = try run(["run", url, "--database", server.address])
        #expect(refused.status != 0)
        #expect(!(refused.output + refused.errors).contains(Self.marker), "\(refused.errors)")

        #expect(seen.contains("an attempt has ended"), "the log was looked at: \(seen)")
        #expect(!seen.contains(Self.marker), "\(lines(seen))")
        #expect(shown == [])
        // Every row of every table, and what the server itself logged.
        let rows = try await HostProgram.run([
            "\(server.programs)/pg_dump", "-h", server.socketFolder, "-U", "postgres", "--inserts", "postgres",
        ])
        let log = (try? String(contentsOfFile: server.folder + "/server.log", encoding: .utf8)) ?? ""
        #expect(rows.contains("INSERT INTO") && rows.contains("<redacted>"), "the rows were looked at")
        #expect(!(rows + log).contains(Self.marker), "\(lines(rows + log))")
    }

    private func indented(_ text: String) -> String { text.split(separator: "\n").map { "  \($0)\n" }.joined() }

    private func lines(_ text: String) -> String { text.split(separator: "\n").filter { $0.contains(Self.marker) }.joined(separator: "\n") }
}
