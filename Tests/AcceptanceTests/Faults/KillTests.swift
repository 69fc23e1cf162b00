import Foundation
import Rigs
import Testing

/// The real program, killed by the kernel (SIGKILL) as it enters a system call: at every name that an object gets (link), at every one that
/// goes (unlink), before data are durable (fsync). The calls of each thread are counted apart, so one number strikes at several places.
@Suite(.ownThread) struct KillTests {
    private let rig: FlowRig
    private let document: String

    init() throws {
        rig = try FlowRig("kill")
        try rig.write("pw", "the first\n")
        try rig.write("other-pw", "the second\n")
        document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            systems:      {home: {type: directory, path: \(rig.path("data"))}}
            repositories:
              vault: {type: local, path: \(rig.path("vault")), password: {fromFile: \(rig.path("pw"))}}
              away:  {type: local, path: \(rig.path("away")), password: {fromFile: \(rig.path("other-pw"))}}
            steps: [{copy: home, to: vault}]
            """)
        try change(1)
    }

    /// Larger than one pack, so that packs are stored by several threads.
    private func change(_ round: Int) throws {
        for part in 0..<3 {
            try rig.write(
                "data/noise\(part)",
                (0..<60_000).map { String(UInt64($0 + 1) &* UInt64(round * 3 + part + 1) &* 0x9E37_79B9_7F4A_7C15) }.joined())
        }
        try rig.write("data/deep/round\(round)", "\(round)")
    }

    private func place(_ name: String) -> [String] { ["--file", document, "--repository", name] }
    private func restic(_ name: String, _ password: String) throws -> ResticRig {
        try ResticRig(repository: rig.path(name), password: password, cache: rig.path("restic-cache"))
    }

    /// False when the program came to its end before the call with that number.
    private func isKilled(_ call: String, _ number: Int, _ arguments: [String], environment: [String: String] = [:]) throws -> Bool {
        let trace = rig.path("trace")
        let process = try rig.start(
            arguments, environment: environment,
            through: [
                "/usr/bin/strace", "-f", "-qq", "-o", trace, "-e", "signal=none", "-e", "trace=/^\(call)", "-e",
                "inject=/^\(call):signal=KILL:when=\(number)",
            ])
        let outcome = process.wait()
        if outcome.signal == SIGKILL || outcome.status == 128 + SIGKILL { return true }
        #expect(outcome.status == 0, "\(call) \(number): \(outcome.status) \(outcome.errors)")
        return false
    }

    private func fresh(_ name: String, from saved: String) throws {
        try? FileManager.default.removeItem(atPath: rig.path(name))
        try FileManager.default.copyItem(atPath: rig.path(saved), toPath: rig.path(name))
    }

    @Test func aKilledCopyLeavesAGoodRepositoryAndTheNextOneIsWhole() async throws {
        defer { rig.close() }
        let server = try await PostgreSQLServerRig.start()
        defer { server.stop() }
        let database = ["SNAPPY_FLOW_DATABASE": server.address]
        #expect(try rig.run(["run", document], environment: database).status == 0)
        var kills = 0
        var round = 1
        for call in ["link", "fsync"] {
            for number in 1...12 {
                round += 1
                try change(round)
                let isKilled = try isKilled(call, number, ["run", document], environment: database)
                kills += isKilled ? 1 : 0
                let check = try rig.run(["repository", "check", "--read", "all"] + place("vault"))
                #expect(check.status == 0, "\(call) \(number): \(check.errors)")
                if !isKilled { break }
                // The killed job is taken over, or the next one stores it: nothing of the round is missing in the end.
                let next = try rig.run(["run", document], environment: database)
                #expect(next.status == 0, "\(call) \(number): \(next.errors)")
                let found = try rig.run(["snapshots", "dump", "latest", rig.path("data/deep/round\(round)")] + place("vault"))
                #expect(found.output == "\(round)", "\(call) \(number): \(found.errors)")
            }
        }
        #expect(kills >= 4)
        let judge = try restic("vault", "the first")
        try await judge.succeed("check", "--read-data")
        try await judge.succeed("restore", "latest", "--target", rig.path("back"))
        #expect(FileManager.default.contentsEqual(atPath: rig.path("data"), andPath: rig.path("back") + rig.path("data")))
    }

    /// All that lies there: what a killed program had not named yet is gone with it.
    private func snapshots(in repository: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: rig.path("\(repository)/snapshots")).count
    }

    @Test func aKilledTransferIsWholeWhenItIsRepeated() async throws {
        defer { rig.close() }
        for round in 1...2 {
            try change(round)
            #expect(try rig.run(["run", document]).status == 0)
        }
        #expect(try rig.run(["repository", "init"] + place("away")).status == 0)
        try fresh("saved", from: "away")
        let copy = ["repository", "copy", "--to", "away"] + place("vault")
        var kills = 0
        for call in ["link", "unlink", "fsync"] {
            for number in 1...12 {
                try fresh("away", from: "saved")
                guard try isKilled(call, number, copy) else { break }
                kills += 1
                let check = try rig.run(["repository", "check", "--read", "all"] + place("away"))
                #expect(check.status == 0, "\(call) \(number): \(check.errors)")
                // What the killed one left behind, its lock for one, is in nobody's way.
                let again = try rig.run(copy)
                #expect(again.status == 0, "\(call) \(number): \(again.errors)")
                #expect(try rig.run(["repository", "check", "--read", "all"] + place("away")).status == 0)
                #expect(try snapshots(in: "away") == 2, "\(call) \(number)")
            }
        }
        #expect(kills >= 6)
        try await restic("away", "the second").succeed("check", "--read-data")
    }

    @Test func aKilledPruneLosesNothing() async throws {
        defer { rig.close() }
        for round in 1...4 {
            try change(round)
            #expect(try rig.run(["run", document]).status == 0)
        }
        let judge = try restic("vault", "the first")
        try await judge.succeed("forget", "--keep-last", "1")
        try fresh("saved", from: "vault")
        let prune = ["repository", "prune", "--max-unused", "0%"] + place("vault")
        let dry = try rig.run(prune + ["--dry-run"])
        #expect(dry.status == 0 && dry.output.contains("would be freed"), "\(dry.output)\(dry.errors)")
        var kills = 0
        for call in ["link", "unlink", "fsync"] {
            for number in 1...12 {
                try fresh("vault", from: "saved")
                guard try isKilled(call, number, prune) else { break }
                kills += 1
                let check = try rig.run(["repository", "check", "--read", "all"] + place("vault"))
                #expect(check.status == 0, "\(call) \(number): \(check.errors)")
                if kills % 3 == 0 { try await judge.succeed("check", "--read-data") }
                let again = try rig.run(prune)
                #expect(again.status == 0, "\(call) \(number): \(again.errors)")
            }
        }
        #expect(kills >= 6)
        try await judge.succeed("check", "--read-data")
        try await judge.succeed("restore", "latest", "--target", rig.path("back"))
        #expect(FileManager.default.contentsEqual(atPath: rig.path("data"), andPath: rig.path("back") + rig.path("data")))
        let stored = try FileManager.default.subpathsOfDirectory(atPath: rig.path("vault/data")).filter { $0.count > 60 }
        let before = try FileManager.default.subpathsOfDirectory(atPath: rig.path("saved/data")).filter { $0.count > 60 }
        #expect(stored.count < before.count)
    }
}
