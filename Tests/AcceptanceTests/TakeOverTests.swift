import Foundation
import Rigs
import Testing

/// A worker that was stopped past its lease and goes on must not disturb who took its work over.
@Suite(.ownThread) struct TakeOverTests {
    /// The former worker's guard would thaw in the middle of the next worker's window, whose snapshot would look good.
    @Test func theGuardOfAFormerWorkerDoesNotOpenTheNextWindow() throws {
        let rig = try FlowRig("takeover-guard")
        defer { rig.close() }
        try rig.write("pw", "secret\n")
        try rig.write("data/file", "x")
        let (story, frozen) = (rig.path("story"), rig.path("frozen"))
        // The lease lasts 10 s. The first worker's hold of 14 s ends while the second one's slow quiesce is under way.
        let document = try rig.write(
            "window.yaml",
            """
            name: window
            systems:
              app:
                type: command
                identity: takeover-app
                quiesce: [sh, -c, "echo frozen >> \(story); touch \(frozen)"]
                thaw: [sh, -c, "echo thawed >> \(story); rm -f \(frozen)"]
              slow: {type: command, identity: takeover-slow, quiesce: [sleep, "7"], thaw: ["true"]}
              files: {type: directory, path: \(rig.path("data")), staging: 10MiB}
            repositories:
              vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
            steps:
              - quiesce: app
                maxHold: 14s
              - quiesce: slow
                maxHold: 14s
              - exec: {argv: [sh, -c, "test -e \(frozen) && echo at rest >> \(story)"]}
                id: look
                instant: true
                timeout: 2s
              - snapshot: files
              - copy: files
                to: vault
            """)
        let first = try rig.start(["run", document])
        try waitUntil("the first worker has frozen") { FileManager.default.fileExists(atPath: frozen) }
        first.send(SIGSTOP)
        defer { first.send(SIGCONT) }
        let second = try rig.start(["worker"])
        defer {
            second.send(SIGTERM)
            _ = second.wait()
        }
        try waitUntil("the second worker has finished the job", seconds: 120) {
            try rig.run(["jobs", "list", "--output", "json"]).output.contains("\"succeeded\"")
        }
        first.send(SIGCONT)
        let outcome = first.wait()
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        let lines = try String(contentsOfFile: story, encoding: .utf8).split(separator: "\n")
        // The first worker may thaw once more at the very end, when nobody holds the application.
        #expect(lines.prefix(5) == ["frozen", "thawed", "frozen", "at rest", "thawed"], "\(outcome.output)\n\(outcome.errors)")
    }
}
