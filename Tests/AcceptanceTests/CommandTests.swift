import Foundation
import Rigs
import Testing

/// The program as scripts and people meet it, mistakes included.
@Suite(.ownThread) struct CommandTests {
    private func prepared(_ name: String, verify: String = "all") throws -> (rig: FlowRig, document: String) {
        let rig = try FlowRig("command-\(name)")
        for number in 0..<30 {
            try rig.write("data/folder\(number % 4)/file\(number)", String(repeating: "\(number) ", count: 500 * number))
        }
        try rig.write("pw", "secret-of-the-vault\n")
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            systems:      {home: {type: directory, path: \(rig.path("data"))}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
            steps:
              - copy: home
                to: vault
              - verify: copy
                read: \(verify)
            """)
        return (rig, document)
    }

    @Test func aRunIsRestorableByUsAndByRestic() throws {
        let (rig, document) = try prepared("restorable")
        defer { rig.close() }
        let run = try rig.run(["run", document])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
        #expect(!run.output.contains("secret-of-the-vault"))

        let restore = try rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", rig.path("back"),
        ])
        #expect(restore.status == 0, "\(restore.output)\n\(restore.errors)")
        try expectEqualTrees(rig.path("data"), rig.path("back") + rig.path("data"))

        let environment = ["RESTIC_PASSWORD_FILE": rig.path("pw"), "RESTIC_CACHE_DIR": rig.path("restic-cache")]
        try run_("restic", ["-r", rig.path("vault"), "check", "--read-data"], environment)
        try run_("restic", ["-r", rig.path("vault"), "restore", "latest", "--target", rig.path("theirs")], environment)
        try expectEqualTrees(rig.path("data"), rig.path("theirs") + rig.path("data"))
    }

    /// Said once by each command, and no reason to fail.
    @Test func keysThatDoNothingYetAreSaid() throws {
        let (rig, document) = try prepared("idle", verify: "metadata")
        defer { rig.close() }
        let text = try String(contentsOfFile: document, encoding: .utf8)
        try rig.write("pipeline.yaml", text + "\nschedule: {cron: \"15 2 * * *\"}\n")
        for command in ["validate", "plan", "run", "submit"] {
            let said = try rig.run([command, document])
            #expect(said.status == 0, "\(command): \(said.output)\n\(said.errors)")
            #expect(said.errors.ranges(of: "\(document):9:1: warning: `schedule` of a pipeline").count == 1, "\(command): \(said.errors)")
            #expect(said.errors.contains("15 2 * * * snappy-flow submit FILE"), "\(command): \(said.errors)")
            #expect(!said.output.contains("warning"), "\(command): \(said.output)")
        }
    }

    @Test func aRestoreOfNothingIsNoSuccess() throws {
        let (rig, document) = try prepared("nothing", verify: "metadata")
        defer { rig.close() }
        #expect(try rig.run(["run", document]).status == 0)
        let restore = ["restore", "--file", document, "--repository", "vault", "--target", rig.path("back")]
        let mistaken = try rig.run(restore + ["--path", rig.path("date")])
        #expect(mistaken.status == 1 && mistaken.errors.contains("nothing was restored"), "\(mistaken.errors)")
        let part = try rig.run(restore + ["--path", rig.path("data/folder1"), "--path", rig.path("date")])
        #expect(part.status == 3, "\(part.errors)")
        try expectEqualTrees(rig.path("data/folder1"), rig.path("back") + rig.path("data/folder1"))
        // What is there already and the same is as good as restored; what differs is left alone.
        let again = try rig.run(restore + ["--path", rig.path("data/folder1")])
        #expect(again.status == 0, "\(again.output)\(again.errors)")
        for case let name as String in FileManager.default.enumerator(atPath: rig.path("back") + rig.path("data/folder1")) ?? .init() {
            try Data("mine".utf8).write(to: URL(fileURLWithPath: rig.path("back") + rig.path("data/folder1/\(name)")))
        }
        #expect(try rig.run(restore + ["--path", rig.path("data/folder1")]).status == 1)
    }

    @Test func wrongPasswordSaysSoAndWhatToDo() throws {
        let (rig, document) = try prepared("password")
        defer { rig.close() }
        #expect(try rig.run(["run", document]).status == 0)
        try rig.write("pw", "another one\n")
        let restore = try rig.run([
            "restore", "--file", document, "--repository", "vault", "--snapshot", "latest", "--target", rig.path("back"),
        ])
        #expect(restore.status == 12, "\(restore.output)\n\(restore.errors)")
        #expect(restore.errors.contains("expected") && restore.errors.contains("do:"), "\(restore.errors)")
        #expect(!restore.errors.contains("another one"))
        let run = try rig.run(["run", document])
        #expect(run.status == 1, "\(run.output)\n\(run.errors)")
    }

    @Test func aSecretThatIsMissingOrEmptyIsNamedBeforeAnythingRuns() throws {
        let (rig, document) = try prepared("secret")
        defer { rig.close() }
        try rig.write("pw", "\n")
        let blank = try rig.run(["run", document])
        #expect(blank.status == 1 && blank.output.contains("empty value"), "\(blank.output)\n\(blank.errors)")
        try rig.write("pw", "")
        let empty = try rig.run(["run", document])
        #expect(empty.status == 1 && empty.errors.contains("empty value"), "\(empty.errors)")
        try FileManager.default.removeItem(atPath: rig.path("pw"))
        let missing = try rig.run(["run", document])
        #expect(missing.status == 1 && missing.errors.contains(rig.path("pw")), "\(missing.errors)")
        #expect(!FileManager.default.fileExists(atPath: rig.path("vault/config")))
    }

    @Test func mistakesInADocumentAreAllShownWithTheirPlaces() throws {
        let rig = try FlowRig("mistakes")
        defer { rig.close() }
        let document = try rig.write(
            "wrong.yaml",
            """
            name: wrong
            systems: {home: {type: directry, path: /srv/home}}
            repositories: {vault: {type: local, path: /backup, password: {fromEnv: PW}}}
            steps:
              - copy: hme
                to: vault
                retry: {attemps: 2}
            """)
        let outcome = try rig.run(["validate", document])
        #expect(outcome.status == 2)
        for part in ["wrong.yaml:2:", "directory", "wrong.yaml:5:", "wrong.yaml:7:", "attempts"] {
            #expect((outcome.output + outcome.errors).contains(part), "expected \(part) in \(outcome.output)\(outcome.errors)")
        }
    }

    @Test func aSystemThatDoesNotSayHowIsAnErrorBeforeItRuns() throws {
        let rig = try FlowRig("programs")
        defer { rig.close() }
        let document = try rig.write(
            "half.yaml",
            """
            name: half
            systems:
              app: {type: command, identity: app, check: ["true"]}
              files: {type: directory, path: \(rig.path("data")), staging: 1MiB}
            repositories: {vault: {type: local, path: /backup, password: {fromEnv: PW}}}
            steps:
              - quiesce: app
              - snapshot: files
              - copy: [files, app]
                to: vault
            """)
        let outcome = try rig.run(["validate", document])
        #expect(outcome.status == 2)
        for part in ["half.yaml:7:", "`thaw:`", "half.yaml:9:", "`source:`"] {
            #expect(outcome.errors.contains(part), "expected \(part) in \(outcome.errors)")
        }
    }

    @Test func aDatabaseThatIsDownIsNamedAndNothingRuns() throws {
        let (rig, document) = try prepared("database")
        defer { rig.close() }
        let outcome = try rig.run(["run", document, "--database", "host=\(rig.path("nowhere")) dbname=x user=y"])
        #expect(outcome.status == 6, "\(outcome.output)\n\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: rig.path("vault/config")))
    }

    @Test func wrongArgumentsAndUnknownCommandsExitWithTwo() throws {
        let rig = try FlowRig("arguments")
        defer { rig.close() }
        #expect(try rig.run(["run"]).status == 2)
        #expect(try rig.run(["fly"]).status == 2)
        #expect(try rig.run(["run", rig.path("missing.yaml")]).status == 2)
        #expect(try rig.run(["--help"]).status == 0)
    }

    @Test func twoProcessesDoWhatOneDoes() throws {
        let (rig, document) = try prepared("worker")
        defer { rig.close() }
        let allow = ["--allow", rig.folder]
        let worker = try rig.start(["worker"] + allow)
        defer {
            worker.send(SIGTERM)
            _ = worker.wait()
        }
        let outcome = try rig.run(["submit", "--wait", document])
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)\nworker: \(worker.output)\(worker.errors)")
    }

    private func run_(_ program: String, _ arguments: [String], _ environment: [String: String]) throws {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(program) \(arguments.joined(separator: " ")): \(output)")
    }

    private func expectEqualTrees(_ left: String, _ right: String) throws {
        try run_("diff", ["-r", "--no-dereference", left, right], [:])
    }
}
