import Basics
import Foundation
import Rigs
import Testing

/// `latest` in a repository that other pipelines, stock restic and a clock of the future store newer snapshots in.
@Suite(.ownThread) struct LatestSnapshotTests {
    private struct Row: Decodable {
        var id: String
        var hostname: String
        var parent: String?
        var future: Bool?
        var system: String?
    }

    private func rows(_ rig: FlowRig, _ place: [String], _ options: String...) throws -> [Row] {
        let outcome = try rig.run(["snapshots", "list", "--output", "json"] + options + place)
        return try JSONDecoder().decode([Row].self, from: Data(outcome.output.utf8))
    }

    private func document(_ rig: FlowRig, _ name: String, _ systems: [String: String]) throws -> String {
        try rig.write(
            "\(name).yaml",
            """
            name: \(name)
            systems: {\(systems.sorted { $0.key < $1.key }.map { "\($0): {type: directory, path: \(rig.path($1))}" }.joined(separator: ", "))}
            repositories:
              vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
              away:  {type: local, path: \(rig.path("away")), password: {fromFile: \(rig.path("pw"))}}
            steps:
            \(systems.keys.sorted().map { "  - {copy: \($0), to: vault}" }.joined(separator: "\n"))
            """)
    }

    private func crowded() async throws -> (rig: FlowRig, place: [String], restic: ResticRig, own: String) {
        let rig = try FlowRig("latest")
        try rig.write("pw", "the first\n")
        for folder in ["home", "photos", "theirs"] { try rig.write("\(folder)/file", folder) }
        let place = ["--file", try document(rig, "home", ["home": "home"]), "--repository", "vault"]
        #expect(try rig.run(["run", place[1]]).status == 0)
        let own = try #require(try rows(rig, place).first?.id)
        #expect(try rig.run(["run", try document(rig, "weekly", ["home": "photos"])]).status == 0)
        let restic = try ResticRig(repository: rig.path("vault"), password: "the first", cache: rig.path("cache/restic"))
        try await restic.succeed("backup", "--host", "theirs", "--tag", "one,two", rig.path("theirs"))
        // Of the same host and path as ours, newer, and of something else: what is unchanged by its word would be wrong.
        try rig.write("home/file", "from the future")
        try await restic.succeed(
            "backup", "--host", "home", "--time", "2037-01-01 00:00:00", "--tag", "pipeline:home,system:home", rig.path("home"))
        try rig.write("home/file", "home")
        return (rig, place, restic, own)
    }

    @Test func everyCommandTakesTheDocumentsOwn() async throws {
        let (rig, place, restic, own) = try await crowded()
        defer { rig.close() }
        let short = String(own.prefix(8))
        func says(_ outcome: FlowOutcome, _ what: String) {
            #expect(outcome.status == 0, "\(what): \(outcome.output)\(outcome.errors)")
            let said = outcome.output + outcome.errors
            #expect(said.contains(short) && said.contains("system home of pipeline home, host home"), "\(what): \(said)")
            #expect(outcome.errors.contains("dated in the future"), "\(what): \(outcome.errors)")
        }
        let file = rig.path("home/file")
        let restore = try rig.run(["restore", "--snapshot", "latest", "--target", rig.path("back")] + place)
        says(restore, "restore")
        #expect(try String(contentsOfFile: rig.path("back") + file, encoding: .utf8) == "home")
        let dump = try rig.run(["snapshots", "dump", "latest", file] + place)
        says(dump, "dump")
        #expect(dump.output == "home")
        let listing = try rig.run(["snapshots", "ls", "latest", "--output", "json"] + place)
        says(listing, "ls")
        #expect(listing.output.contains(own) && !listing.output.contains("photos"))
        says(try rig.run(["snapshots", "show", "latest"] + place), "show")
        let found = try rig.run(["snapshots", "find", "file", "--snapshot", "latest"] + place)
        says(found, "find")
        #expect(found.output.split(separator: "\n").count == 1, "\(found.output)")
        let diff = try rig.run(["snapshots", "diff", own, "latest"] + place)
        says(diff, "diff")
        #expect(diff.output.contains("0 added, 0 removed"), "\(diff.output)")
        let check = try rig.run(["repository", "check", "--snapshot", "latest", "--output", "json"] + place)
        says(check, "check")
        #expect(check.output.contains(own))
        says(try rig.run(["repository", "copy", "latest", "--to", "away"] + place), "copy")
        // The second copy is the document's own too, by the pipeline's name.
        let away = try rig.run(["snapshots", "dump", "latest", file, "--file", place[1], "--repository", "away"])
        #expect(away.output == "home", "\(away.errors)")

        let future = try rows(rig, place).filter { $0.future == true }
        #expect(future.count == 1)
        let dated = try #require(future.first)
        #expect(dated.system == "home")
        let list = try rig.run(["snapshots", "list"] + place)
        #expect(list.status == 0 && list.output.contains("(future)") && list.errors.contains("1 snapshot dated in the future"), "\(list.errors)")
        #expect(try rig.run(["snapshots", "dump", dated.id, file] + place).output == "from the future", "by its id it is there")

        // The next copy goes by its own, and what misses something is not the latest.
        #expect(try rig.run(["run", place[1]]).status == 0)
        let next = try #require(try rows(rig, place, "--pipeline", "home").filter { $0.future == false }.last)
        #expect(next.id != own && next.parent == own)
        #expect(try rig.run(["snapshots", "tag", "latest", "--add", "partial"] + place).status == 0)
        let whole = try rig.run(["snapshots", "show", "latest"] + place)
        #expect(whole.output.contains(own) && whole.errors.contains("misses something"), "\(whole.output)\(whole.errors)")
        try await restic.succeed("check", "--read-data")
    }

    @Test func whatIsNotTheDocumentsIsNamedOrListed() async throws {
        let (rig, place, _, own) = try await crowded()
        defer { rig.close() }
        func restore(_ options: String..., of place: [String]) throws -> FlowOutcome {
            try rig.run(["restore", "--target", rig.path("back-\(UInt32.random(in: 0 ... .max))")] + options + place)
        }
        // Filters reach what is not the document's; the output says whose it is.
        let theirs = try restore("--host", "theirs", of: place)
        #expect(theirs.status == 0 && theirs.output.contains("host theirs, \(rig.path("theirs"))"), "\(theirs.output)\(theirs.errors)")
        for options in [
            ["--path", rig.path("theirs")], ["--tag", "three", "--tag", "one,two"], ["--pipeline", "weekly", "--before", "2036-01-01"],
        ] {
            let shown = try rig.run(["snapshots", "ls", "latest"] + options + place)
            #expect(shown.status == 0 && !shown.output.contains(rig.path("home/file")), "\(options): \(shown.output)\(shown.errors)")
        }
        let part = try restore("--path", rig.path("photos/file"), of: place)
        #expect(part.status == 0 && part.output.contains("pipeline weekly"), "\(part.output)\(part.errors)")
        let nobody = try restore("--host", "nobody", of: place)
        #expect(nobody.status == 1 && nobody.errors.contains("--pipeline weekly --system home"), "\(nobody.errors)")
        #expect(try rows(rig, place, "--tag", "one,two").count == 1 && rows(rig, place, "--tag", "one,three").isEmpty)
        #expect(try rig.run(["repository", "check", "--host", "theirs"] + place).status == 2)

        // Another name: what is there is listed, and how to name it.
        let renamed = ["--file", try document(rig, "house", ["home": "home"]), "--repository", "vault"]
        let none = try restore(of: renamed)
        #expect(
            none.status == 1 && none.errors.contains("system home of pipeline home, host home: newest \(own.prefix(8))"), "\(none.errors)")
        #expect(none.errors.contains("--pipeline home --system home"), "\(none.errors)")
        #expect(try restore("--pipeline", "home", of: renamed).output.contains(String(own.prefix(8))))

        // Several systems.
        let both = ["--file", try document(rig, "both", ["home": "home", "photos": "photos"]), "--repository", "vault"]
        #expect(try rig.run(["run", both[1]]).status == 0)
        let several = try restore(of: both)
        #expect(
            several.status == 1 && several.errors.contains("--system photos") && several.errors.contains("--system home"),
            "\(several.errors)")
        let one = try restore("--system", "photos", of: both)
        #expect(one.status == 0 && one.output.contains("system photos of pipeline both"), "\(one.output)\(one.errors)")
    }
}
