import Crypto
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Two names are one file when their number, device, kind and content are the same. A number alone says nothing.
@Suite struct HardLinkTests {
    @Test func onlyWhatHoldsTheSameIsLinked() async throws {
        let bench = try await Bench()
        var writer = PackWriter(files: bench.repository.files)
        func blob(_ text: String) async throws -> ObjectID {
            let bytes = Array(text.utf8)
            let key = BlobKey(kind: .data, id: SHA256.digest(bytes))
            try await writer.add(whole: key, bytes)
            return key.id
        }
        func node(_ name: String, _ type: String, _ change: (inout Node) -> Void = { _ in }) -> Node {
            var node = Node(name: FileName(name), type: type)
            (node.mode, node.inode, node.deviceID, node.links) = (0o644, 7, 1, 9)
            change(&node)
            return node
        }
        let (one, other) = (try await blob("one"), try await blob("two"))
        let nodes = [
            node("a", "file") { ($0.content, $0.size) = ([one], 3) },
            // The same number, as a system gives it again when a file was removed.
            node("b", "file") { ($0.content, $0.size) = ([other], 3) },
            node("c", "symlink") { $0.linkTarget = Array("a".utf8) },
            node("d", "symlink") { $0.linkTarget = Array("b".utf8) },
            node("e", "fifo"),
            node("f", "file") { ($0.content, $0.size) = ([one], 3) },
            node("g", "symlink") { $0.linkTarget = Array("a".utf8) },
            node("h", "file") { ($0.content, $0.size, $0.deviceID) = ([one], 3, 2) },
        ]
        let root = try await writer.add(Tree(nodes: nodes))
        try await writer.finish()
        var snapshot = Snapshot(time: .now, tree: root.hex, paths: ["/"], hostname: "h")
        snapshot.id = try await bench.repository.files.save(ObjectNames.snapshots, snapshot.encoded).hex
        let report = try await bench.repository.restore(snapshot, to: FolderWriter(bench.folder("out")))
        #expect(report.failures.isEmpty, "\(report.failures)")
        let found = try Dictionary(
            uniqueKeysWithValues: nodes.map { node in
                (node.name.description, try FolderReader.metadata(Array("\(bench.folder("out"))/\(node.name)".utf8)))
            })
        #expect(found["a"]?.inode == found["f"]?.inode && found["c"]?.inode == found["g"]?.inode)
        #expect(Set(found.values.map(\.inode)).count == 6)
        #expect(try String(contentsOfFile: bench.folder("out/b"), encoding: .utf8) == "two")
        #expect(found["d"]?.linkTarget == Array("b".utf8) && found["e"]?.kind == .fifo)
        // The same in an archive: what is listed as a link is what was linked.
        let archive = bench.folder("all.tar")
        try Data().write(to: URL(fileURLWithPath: archive))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: archive))
        var pax = PaxArchive { try handle.write(contentsOf: $0) }
        try await pax.add(TreePath(), of: snapshot, from: try await bench.repository.browser())
        try pax.finish()
        try handle.close()
        let listing = try await HostProgram.run(["tar", "-tvf", archive])
        #expect(listing.split(separator: "\n").filter { $0.contains(" link to ") }.count == 2, "\(listing)")
    }
}
