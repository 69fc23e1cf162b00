import Basics
import FlowModel
import Foundation
import PluginHost
import Rigs
import StepKit
import StorageKit
import Testing

/// A snapshot of several disks by a process that is killed with -9 between any two moments is none, and nothing of it stays.
@Suite struct GuestKillTests {
    /// The system call at which strace kills it, and the only path that counts.
    static let moments: [(String, String?)] = [
        ("mkdir:signal=KILL:when=1", nil), ("rename:signal=KILL:when=1", nil), ("rename:signal=KILL:when=2", nil),
        ("fsync:signal=KILL:when=2", nil), ("openat:signal=KILL:when=1", "@"),
    ]

    @Test(arguments: moments) func aHalfMadeSnapshotIsNone(_ call: String, _ path: String?) async throws {
        try requireRoot("mounts")
        let bench = try await SampleBench(GuestSample.self)
        func open(through: [String] = []) async throws -> any Snapshotting & PartSource {
            try await SampleBench.$child.withValue(HostCommand(through + [FlowRig.binary, "host-plugin"])) {
                try await bench.open(as: (any Snapshotting & PartSource).self)
            }
        }
        let folder = bench.folder.file("data/.snappy-flow-snapshots")
        let only = path.map { _ in ["-P", folder + "/k.guest"] } ?? []
        let killed = try await open(
            through: ["/usr/bin/strace", "-f", "-qq", "-o", bench.folder.file("trace"), "-e", "signal=none"] + only
                + ["-e", "trace=\(call.prefix { $0 != ":" })", "-e", "inject=\(call)"])
        let error = await #expect(throws: StorageError.self) { _ = try await killed.snapshot(key: "k", bench.context) }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(String(describing: error))")
        let system = try await open()
        #expect(try await system.find(key: "k", bench.context) == nil)
        try await system.release(key: "k", bench.context)
        #expect(!FileManager.default.fileExists(atPath: folder))
        let snapshot = try await system.snapshot(key: "k", bench.context)
        #expect(try await system.find(key: "k", bench.context) == snapshot)
        #expect(try await system.withParts(of: snapshot, bench.context) { $0.count } == 3)
        try await system.release(key: "k", bench.context)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
