import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// What commands take, in the program as it is, of a repository that somebody with its key wrote to fill the memory of everybody who looks at it: never
/// 256 MiB more than of an honest one.
@Suite(.serialized) struct HostileMemoryTests {
    private static let room = 256 << 10  // KiB

    /// Every command that reads metadata. `@one` and `@two` are snapshots.
    private static let commands: [[String]] = [
        ["snapshots", "list"], ["snapshots", "ls", "@one"], ["snapshots", "diff", "@one", "@two"],
        ["snapshots", "diff", "@two", "@one", "--output", "json"],
        ["snapshots", "find", "no-such-name"], ["snapshots", "dump", "@one", "/"], ["repository", "check"],
        ["repository", "check", "--read", "all"], ["repository", "check", "--snapshot", "@one"],
        ["repository", "stats"], ["repository", "repair", "index", "--dry-run"],
        ["repository", "repair", "index", "--read-all-packs", "--dry-run"],
        ["repository", "repair", "snapshots", "--dry-run"], ["repository", "prune", "--dry-run"], ["repository", "copy", "--to", "other"],
        ["restore", "--snapshot", "@one", "--target", "@target", "--path", "/no-such-path"],
        ["restore", "--snapshot", "@one", "--target", "@target"],
    ]

    /// An hour over a debug build: `make test-full` asks it of the optimised program.
    private static let isAsked = ["SNAPPY_FLOW_TEST_FULL", "SNAPPY_FLOW_TESTED"].allSatisfy { ProcessInfo.processInfo.environment[$0] != nil }

    @Test(.enabled(if: isAsked), arguments: ForgedRepository.Kind.allCases) func unpackedMetadataIsBounded(_ kind: ForgedRepository.Kind) async throws {
        let bench = try await Bench()
        let forged = try await ForgedRepository(kind, bench)
        let rig = try FlowRig("memory-\(kind)")
        defer { rig.close() }
        try rig.write("pw", Bench.password)
        let document = try rig.write(
            "pipeline.yaml",
            """
            name: home
            repositories:
              vault: {type: local, path: \(bench.folder("repo")), password: {fromFile: \(rig.path("pw"))}}
              other: {type: local, path: \(rig.path("other")), password: {fromFile: \(rig.path("pw"))}}
            steps:
              - verify: vault
                scope: repository
            """)
        // The least that any command takes: the program and its libraries.
        let base = try measured(rig, ["snapshots", "show", "none", "--file", document, "--repository", "vault"])
        for command in Self.commands where !kind.leavesOut(command) {
            let words = command.map { word in
                switch word {
                case "@one": forged.one
                case "@two": forged.two
                case "@target": rig.path("target")
                default: word
                }
            }
            let taken = try measured(rig, words + ["--file", document, "--repository", "vault"])
            #expect(
                taken.peak < base.peak + Self.room && taken.status < 100,
                "\(kind): \(words.joined(separator: " ")) takes \(taken.peak >> 10) MiB, \(base.peak >> 10) MiB are the program's; \(taken.said)"
            )
            if ProcessInfo.processInfo.environment["MEMORY_SAID"] != nil {
                print(
                    "\(kind): \(taken.peak >> 10) MiB (\(base.peak >> 10)) \(taken.seconds)s status \(taken.status): \(words.prefix(3).joined(separator: " ")) \(taken.said.prefix(300))"
                )
            }
            try? FileManager.default.removeItem(atPath: rig.path("target"))
            try? FileManager.default.removeItem(atPath: rig.path("other"))
        }
    }

    private static let script = """
        import resource, subprocess, sys
        status = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL)
        open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
        sys.exit(status)
        """

    /// The largest resident set, in KiB, as the kernel counted it.
    private func measured(_ rig: FlowRig, _ arguments: [String]) throws -> (peak: Int, status: Int32, said: String, seconds: Int) {
        let file = rig.path("peak")
        let began = ContinuousClock.now
        let outcome = try rig.start(arguments, through: ["/usr/bin/python3", "-c", Self.script, file]).wait()
        let peak = try #require(Int(try String(contentsOfFile: file, encoding: .utf8)))
        return (peak, outcome.status, String(outcome.errors.prefix(600)), Int((ContinuousClock.now - began).components.seconds))
    }
}
