import Foundation
import Glibc
import Rigs
import Testing

/// What somebody else wrote into a repository, or a program said, never acts on the terminal of who looks at it, and programs get it as it is.
@Suite(.ownThread) struct TerminalTextTests {
    /// Titles, cursors, colours, the same in C1, a line taken back, a line that looks like another, text turned round.
    private static let hostile =
        "a\u{1B}]0;mine\u{07}\u{1B}[2J\u{9B}31m\u{9D}0;x\u{9C}\u{08}\u{7F}\rb\nerror: c\u{202E}txt.\u{2066}\u{200F}\u{2028}\u{E0041}d"

    private func acts(_ text: String) -> [Unicode.Scalar] {
        text.unicodeScalars.filter { scalar in
            switch scalar.value {
            case 0x0A: false
            case 0..<0x20, 0x7F..<0xA0, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF, 0xE0001...0xE007F: true
            default: false
            }
        }
    }

    private func expectHarmless(_ outcome: FlowOutcome, _ what: String) {
        #expect(acts(outcome.output).isEmpty && acts(outcome.errors).isEmpty, "\(what): \(outcome)")
        // A name does not begin a line of its own.
        #expect(!(outcome.output + outcome.errors).contains("\nerror: c"), "\(what): \(outcome)")
    }

    private func make(_ folder: String, _ name: [UInt8]) throws {
        let path = Array(folder.utf8) + [UInt8(ascii: "/")] + name + [0]
        let descriptor = path.withUnsafeBufferPointer {
            open($0.withMemoryRebound(to: CChar.self) { $0.baseAddress! }, O_CREAT | O_WRONLY, 0o644)
        }
        try #require(descriptor >= 0)
        #expect(write(descriptor, "x", 1) == 1)
        close(descriptor)
    }

    @Test func whatARepositorySaysIsShownAndNotObeyed() async throws {
        let rig = try FlowRig("terminal")
        defer { rig.close() }
        try rig.write("pw", "secret\n")
        try FileManager.default.createDirectory(atPath: rig.path("data"), withIntermediateDirectories: true)
        try make(rig.path("data"), Array(Self.hostile.utf8))
        try make(rig.path("data"), [0x66, 0x9B, 0x32, 0x4A, 0xFF])
        try make(rig.path("data"), Array(#"back\slash"#.utf8))
        try make(rig.path("data"), Array("\u{1F468}\u{200D}\u{1F469} gr\u{FC}n".utf8))
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            systems:      {home: {type: directory, path: \(rig.path("back"))}}
            repositories: {vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}}
            steps:
              - copy: home
                to: vault
            """)
        let place = ["--file", document, "--repository", "vault"]
        let restic = try ResticRig(repository: rig.path("vault"), password: "secret", cache: rig.path("cache"))
        try await restic.succeed("init")
        try await restic.succeed("backup", "--host", Self.hostile, "--tag", Self.hostile, rig.path("data"))
        try make(rig.path("data"), Array("z\u{1B}c".utf8))
        try await restic.succeed("backup", "--host", Self.hostile, "--tag", Self.hostile, rig.path("data"))
        let listed = try rig.run(["snapshots", "list", "--output", "json"] + place)
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]])
        #expect(
            rows.count == 2 && rows.allSatisfy { $0["hostname"] as? String == Self.hostile && $0["tags"] as? [String] == [Self.hostile] })
        let ids = try rows.map { try #require($0["id"] as? String) }

        // A pack that is gone, so that checks and restores name paths.
        let commands = [
            ["snapshots"], ["snapshots", "show", ids[0]], ["snapshots", "show", ids[0], "--output", "json"], ["snapshots", "ls", ids[1]],
            ["snapshots", "ls", ids[1], "--output", "json"], ["snapshots", "ls", ids[1], "--output", "yaml"],
            ["snapshots", "find", "*", "--output", "table"], ["snapshots", "diff", ids[0], ids[1]],
            ["snapshots", "diff", ids[0], ids[1], "--output", "json"], ["snapshots", "tag", ids[0], "--add", "x"],
            ["snapshots", "ls", "latest"], ["snapshots", "ls", "latest", "--host", Self.hostile],
            ["restore", "--snapshot", "latest", "--host", Self.hostile, "--target", rig.path("back")],
        ]
        var outcomes: [[String]: FlowOutcome] = [:]
        for command in commands {
            let outcome = try rig.run(command + place)
            expectHarmless(outcome, command.joined(separator: " "))
            outcomes[command] = outcome
        }
        let table = try #require(outcomes[["snapshots", "ls", ids[1]]]).output
        #expect(table.contains(#"a\u{1b}]0;mine\u{7}\u{1b}[2J\u{9b}31m"#) && table.contains(#"/f\x9b2J\xff"#), "\(table)")
        #expect(table.contains(#"/back\\slash"#) && table.contains("\u{1F468}\u{200D}\u{1F469} gr\u{FC}n\n"), "\(table)")

        // Programs get what is stored.
        let json = try #require(outcomes[["snapshots", "ls", ids[1], "--output", "json"]]).output
        let entries = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        #expect(entries.contains { $0["path"] as? String == rig.path("data") + "/" + Self.hostile }, "\(json)")
        let bytes = entries.compactMap { ($0["pathBase64"] as? String).flatMap { Data(base64Encoded: $0) } }
        #expect(bytes == [Data(rig.path("data").utf8) + [0x2F, 0x66, 0x9B, 0x32, 0x4A, 0xFF]], "\(json)")
        #expect(try rig.run(["snapshots", "find", "f?2J?", "--snapshot", ids[1]] + place).status == 0)

        for pack in try FileManager.default.subpathsOfDirectory(atPath: rig.path("vault/data")).filter({ $0.count > 60 }) {
            let path = rig.path("vault/data/" + pack)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            var content = try Data(contentsOf: URL(fileURLWithPath: path))
            content[10] ^= 1  // the first blob of each: of the content, or of the trees
            try content.write(to: URL(fileURLWithPath: path))
        }
        for command in [
            ["repository", "check", "--read", "all"], ["repository", "check", "--read", "all", "--output", "json"],
            ["restore", "--snapshot", ids[1], "--target", rig.path("again")], ["repository", "repair", "snapshots", "--dry-run"],
        ] {
            expectHarmless(try rig.run(command + place), command.joined(separator: " "))
        }
    }

    @Test func whatAProgramSaysIsShownAndNotObeyed() throws {
        let rig = try FlowRig("terminal-step")
        defer { rig.close() }
        try rig.write("say", Self.hostile)
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            steps:
              - exec: [/bin/sh, -c, "cat \(rig.path("say")); cat \(rig.path("say")) >&2; exit 3"]
            """)
        let run = try rig.run(["run", document])
        #expect(run.status == 1 && run.output.contains(#"\u{1b}]0;mine"#), "\(run)")
        expectHarmless(run, "run")
        for command in [["jobs", "logs"], ["jobs", "show"], ["jobs", "show", "--output", "json"], ["jobs", "show", "--output", "yaml"]] {
            let list = try rig.run(["jobs", "list", "--output", "json"])
            let rows = try #require(try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]])
            let job = try #require(rows.first?["id"] as? String)
            expectHarmless(try rig.run(command + [job]), command.joined(separator: " "))
        }
    }
}
