import Basics
import FlowModel
import Foundation
import Glibc
import PluginHost
import Rigs
import StepKit
import StorageKit
import Testing
import Threads

@testable import Steps

/// The files in an image, attached by a child process that is killed with -9 between any two moments: the next one undoes it from the key alone, and
/// attaches it anew. As root, on real loop devices.
@Suite(.serialized) struct HostedAttachmentTests {
    struct Moment: Sendable, CustomTestStringConvertible {
        var name: String
        /// The system call at which strace kills the child.
        var call: String
        /// Only calls about this path count.
        var path: String?
        var isOfDetaching = false
        var testDescription: String { name }
    }

    static let moments = [
        Moment(name: "nothing made", call: "openat:signal=KILL:when=1", path: "@"),
        Moment(name: "cloned, not mapped", call: "openat:signal=KILL:when=1", path: "/dev/loop-control"),
        Moment(name: "mapped, not mounted", call: "mount:signal=KILL"),
        Moment(name: "mounted, not unmounted", call: "umount2:signal=KILL", isOfDetaching: true),
        Moment(name: "unmounted, not removed", call: "rmdir:signal=KILL", isOfDetaching: true),
    ]

    private func open(_ bench: SampleBench, through: [String] = []) async throws -> any Attaching & Snapshotting {
        try await SampleBench.$child.withValue(HostCommand(through + [FlowRig.binary, "host-plugin"])) {
            try await bench.open(as: (any Attaching & Snapshotting).self)
        }
    }

    @Test(arguments: moments) func theNextChildUndoesItAndGoesOn(_ moment: Moment) async throws {
        try requireRoot("mounts")
        let bench = try await SampleBench(BlockDeviceSample.self)
        defer { LoopDevices.release(folder: bench.folder.path) }
        try await bench.sample.fill(["inner/file": "content of it"])
        let system = try await open(bench)
        let snapshot = try await system.snapshot(key: "s", bench.context)
        let key = "hosted"
        let image = bench.folder.file("kept/s.image")
        let path = moment.path.map { ["-P", $0 == "@" ? image : $0] } ?? []
        let call = moment.call.prefix { $0 != ":" }
        let killed = try await open(
            bench,
            through: ["/usr/bin/strace", "-f", "-qq", "-o", bench.folder.file("trace"), "-e", "signal=none"] + path
                + ["-e", "trace=\(call)", "-e", "inject=\(moment.call)"])
        let error: StorageError?
        if moment.isOfDetaching {
            _ = try await system.attach(.tree, of: snapshot, key: key, bench.context)
            error = await #expect(throws: StorageError.self) { try await killed.detach(key: key, state: [:], bench.context) }
        } else {
            error = await #expect(throws: StorageError.self) {
                _ = try await killed.attach(.tree, of: snapshot, key: key, bench.context)
            }
        }
        #expect(error?.kind == .unavailable && error?.retry == .transient, "\(moment.name): \(String(describing: error))")
        // The next worker, which knows the key and nothing else.
        try await system.detach(key: key, state: [:], bench.context)
        #expect(try LoopDevices.over(folder: bench.folder.path) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder.file("kept")) == ["s.image"])
        let attachment = try await system.attach(.tree, of: snapshot, key: key, bench.context)
        let tree = try #require(try system.attached(attachment) as? any TreeSource)
        let files = try await tree.withTree(of: nil, bench.context) { reader in
            try await BlockingPool(label: "reading", width: 1).run { try reader.allFiles() }
        }
        #expect(files["inner/file"] == "content of it")
        try await system.detach(key: key, state: attachment.state, bench.context)
        try await system.release(key: "s", bench.context)
        #expect(try LoopDevices.over(folder: bench.folder.path) == [])
    }
}
