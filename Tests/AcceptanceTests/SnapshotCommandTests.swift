import Foundation
import Rigs
import Testing

/// `snappy-flow snapshots` and the rarer of `repository` on the real program.
@Suite(.ownThread) struct SnapshotCommandTests {
    private func prepared() throws -> (rig: FlowRig, place: [String], data: String) {
        let rig = try FlowRig("snapshots")
        for number in 0..<5 { try rig.write("data/file\(number)", String(repeating: "\(number) ", count: 3000)) }
        try rig.write("data/odd\nname", "x")
        try rig.write("pw", "the first\n")
        try rig.write("other-pw", "the second\n")
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            systems:      {home: {type: directory, path: \(rig.path("data"))}}
            repositories:
              vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
              away:  {type: local, path: \(rig.path("away")), password: {fromFile: \(rig.path("other-pw"))}}
            steps:
              - copy: home
                to: vault
            """)
        #expect(try rig.run(["run", document]).status == 0)
        return (rig, ["--file", document, "--repository", "vault"], rig.path("data"))
    }

    @Test func snapshotsAreLookedInto() throws {
        let (rig, place, data) = try prepared()
        defer { rig.close() }
        let listing = try rig.run(["snapshots", "ls", "latest", data] + place)
        #expect(listing.status == 0 && listing.output.split(separator: "\n").count == 6, "\(listing.output)\(listing.errors)")
        #expect(listing.output.contains("odd\\u{a}name") && listing.output.contains("-rw-"))
        for format in ["json", "yaml"] {
            let rows = try rig.run(["snapshots", "ls", "latest", data, "--output", format] + place)
            #expect(rows.output.contains("file3"))
            if format == "json" { #expect((try JSONSerialization.jsonObject(with: Data(rows.output.utf8)) as? [Any])?.count == 6) }
        }
        #expect(try rig.run(["snapshots", "ls", "latest", "/nowhere"] + place).status == 1)
        let dump = try rig.run(["snapshots", "dump", "latest", data + "/file2"] + place)
        #expect(dump.status == 0 && dump.output == String(repeating: "2 ", count: 3000))
        let target = rig.path("out.tar")
        #expect(try rig.run(["snapshots", "dump", "latest", data, "--to", target] + place).status == 0)
        let whole = FileManager.default.contents(atPath: target)
        #expect(try rig.run(["snapshots", "dump", "latest", data, "--to", target] + place).status == 1)
        #expect(whole != nil && FileManager.default.contents(atPath: target) == whole, "what is there stays")

        try rig.write("data/file9", "new")
        #expect(try rig.run(["run", place[1]]).status == 0)
        let ids = try JSONSerialization.jsonObject(with: Data(try rig.run(["snapshots", "list", "--output", "json"] + place).output.utf8))
        let first = try #require((ids as? [[String: Any]])?.first?["id"] as? String)
        let diff = try rig.run(["snapshots", "diff", first, "latest"] + place)
        #expect(
            diff.status == 0 && diff.output.contains("+    \(data)/file9\n") && diff.output.contains("1 added, 0 removed"), "\(diff.output)"
        )
        let found = try rig.run(["snapshots", "find", "file[49]"] + place)
        #expect(found.status == 0 && found.output.split(separator: "\n").count == 3, "\(found.output)")
        #expect(try rig.run(["snapshots", "find", "FILE9", "--snapshot", first] + place).status == 1)
        #expect(try rig.run(["snapshots", "find"] + place).status == 2)
        let tagged = try rig.run(["snapshots", "tag", first, "--add", "kept"] + place)
        #expect(tagged.status == 0 && tagged.output.contains("1 of 1 snapshot changed"), "\(tagged.output)\(tagged.errors)")
        #expect(try rig.run(["snapshots", "list", "--tag", "kept"] + place).output.contains("kept"))
    }

    @Test func aRepositoryIsRepairedAndCopied() throws {
        let (rig, place, _) = try prepared()
        defer { rig.close() }
        for index in try FileManager.default.contentsOfDirectory(atPath: rig.path("vault/index")) {
            try FileManager.default.removeItem(atPath: rig.path("vault/index/\(index)"))
        }
        #expect(try rig.run(["repository", "check"] + place).status == 7)
        let planned = try rig.run(["repository", "repair", "index", "--dry-run"] + place)
        #expect(planned.status == 0 && planned.output.contains("nothing was changed"), "\(planned.output)\(planned.errors)")
        #expect(try rig.run(["repository", "repair", "index"] + place).status == 0)
        #expect(try rig.run(["repository", "check", "--read", "all"] + place).status == 0)
        #expect(try rig.run(["repository", "repair", "snapshots"] + place).output.contains("1 snapshot, 0 with something missing"))
        let copy = try rig.run(["repository", "copy", "--to", "away"] + place)
        #expect(copy.status == 0 && copy.output.contains("1 snapshot copied, 0 already there"), "\(copy.output)\(copy.errors)")
        #expect(try rig.run(["repository", "copy", "--to", "away"] + place).output.contains("0 snapshots copied, 1 already there"))
        #expect(try rig.run(["repository", "check", "--read", "all", "--file", place[1], "--repository", "away"]).status == 0)
        #expect(try rig.run(["repository", "migrate"] + place).output.contains("nothing to do"))
        // For monitoring: the same as values.
        func json(_ arguments: String...) throws -> [String: Any] {
            let outcome = try rig.run(["repository"] + arguments + ["--output", "json"] + place)
            return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any], "\(outcome)")
        }
        #expect(try json("check", "--read", "all")["isSound"] as? Bool == true)
        #expect(try json("prune", "--dry-run")["dryRun"] as? Bool == true)
        #expect(try json("unlock")["removed"] as? Int == 0)
        let packs = try FileManager.default.subpathsOfDirectory(atPath: rig.path("vault/data")).filter { $0.count > 60 }
        try FileManager.default.removeItem(atPath: rig.path("vault/data/" + (try #require(packs.first))))
        let damaged = try json("check")
        #expect(damaged["isSound"] as? Bool == false && (damaged["problems"] as? [Any])?.isEmpty == false)
    }

    /// An interrupted command gives its lock back, whatever it is at.
    @Test func ctrlCLeavesNoLock() throws {
        let (rig, place, _) = try prepared()
        defer { rig.close() }
        for number in 0..<40 { try rig.write("data/more\(number)", (0..<40_000).map { "\($0 &* (number + 7)) " }.joined()) }
        #expect(try rig.run(["run", place[1]]).status == 0)
        let process = try rig.start(["repository", "copy", "--to", "away"] + place)
        let locks = rig.path("away/locks")
        try waitUntil("the copy has its lock") { (try? FileManager.default.contentsOfDirectory(atPath: locks))?.isEmpty == false }
        process.send(SIGINT)
        let outcome = process.wait()
        // It may have been faster than the signal.
        #expect(outcome.status == 130 || outcome.status == 0, "\(outcome.status) \(outcome.errors)")
        for place in [locks, rig.path("vault/locks")] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty, "a lock is left in \(place)")
        }
        #expect(try rig.run(["repository", "copy", "--to", "away"] + place).status == 0)
        #expect(try rig.run(["repository", "check", "--read", "all", "--file", place[1], "--repository", "away"]).status == 0)
    }

    /// Whoever reads goes away in the middle, or the disk below a log is full: a job goes on, and a listing that is cut short says so.
    @Test func nobodyReadsOrNothingCanBeWritten() async throws {
        let (rig, place, data) = try prepared()
        defer { rig.close() }
        let toHead = ["/bin/bash", "-c", "\"$@\" 2>&1 | head -c1 >/dev/null; exit ${PIPESTATUS[0]}", "sh"]
        for (arguments, expected) in [(["run", place[1]], 0), (["snapshots", "ls", "latest"] + place, 0)] as [([String], Int32)] {
            let outcome = try rig.start(arguments, through: toHead).wait()
            #expect(outcome.status == expected, "\(arguments): \(outcome.status) \(outcome.errors)")
        }
        let toNobody = ["/bin/bash", "-c", "exec \"$@\" >&- 2>&-", "sh"]
        #expect(try rig.start(["run", place[1]], through: toNobody).wait().status == 0)
        try await SmallDiskRig.with(megabytes: 1) { disk in
            try await HostProgram.run(["sh", "-c", "cat /dev/zero >'\(disk)/fill' 2>/dev/null || true"])
            let toFullDisk = ["/bin/bash", "-c", "exec \"$@\" >'\(disk)/out'", "sh"]
            #expect(try rig.start(["run", place[1]], through: toFullDisk).wait().status == 0)
            for arguments in [["snapshots", "ls", "latest"], ["snapshots", "dump", "latest", data], ["repository", "stats"]] {
                let outcome = try rig.start(arguments + place, through: toFullDisk).wait()
                #expect(
                    outcome.status == 1 && outcome.errors.contains("standard output"), "\(arguments): \(outcome.status) \(outcome.errors)")
            }
        }
    }
}
