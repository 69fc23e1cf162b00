import Crypto
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// A tree says how long a file is, its blobs say it too: where they differ it is damage, whichever is right.
@Suite struct ContentSizeTests {
    private struct Forged {
        let bench: Bench
        let snapshot: Snapshot
        var repository: Repository { bench.repository }
    }

    /// A file of 5000 bytes under each claimed size, named by it, and an honest one.
    private func forged(_ sizes: [UInt64], content: [UInt8]? = noise(5000, seed: 3)) async throws -> Forged {
        let bench = try await Bench()
        var writer = PackWriter(files: bench.repository.files)
        var ids: [ObjectID] = []
        if let content {
            let key = BlobKey(kind: .data, id: SHA256.digest(content))
            try await writer.add(whole: key, content)
            ids = [key.id]
        }
        func node(_ name: String, _ size: UInt64) -> Node {
            var node = Node(name: FileName(name), type: "file")
            (node.mode, node.size, node.content) = (0o644, size, ids)
            return node
        }
        let honest = node("honest", UInt64(content?.count ?? 0))
        let nodes = ([honest] + sizes.map { node("size \($0)", $0) }).sorted { $0.name < $1.name }
        let root = try await writer.add(Tree(nodes: nodes))
        try await writer.finish()
        var snapshot = Snapshot(time: .now, tree: root.hex, paths: ["/"], hostname: "mallory")
        snapshot.id = try await bench.repository.files.save(ObjectNames.snapshots, snapshot.encoded).hex
        return Forged(bench: bench, snapshot: snapshot)
    }

    private static let lies: [UInt64] = [0, 4999, 5001, 1 << 40, .max]

    @Test(arguments: [false, true]) func aCheckNamesThem(_ readsAll: Bool) async throws {
        let forged = try await forged(Self.lies)
        for snapshot in [nil, forged.snapshot] {
            let report = try await forged.repository.check(CheckOptions(snapshot: snapshot, read: readsAll ? .all : .metadata))
            #expect(!report.isSound)
            guard snapshot != nil else { continue }
            #expect(Set(report.damagedPaths.map(\.description)) == Set(Self.lies.map { "size \($0)" }))
        }
    }

    @Test(arguments: [true, false]) func nothingIsRestoredUnderTheirNames(_ hasContent: Bool) async throws {
        let lies = hasContent ? Self.lies : [1, .max]
        let forged = try await forged(lies, content: hasContent ? noise(5000, seed: 3) : nil)
        let folder = try Folder()
        let report = try await forged.repository.restore(forged.snapshot, to: FolderWriter(folder("out")))
        #expect(Set(report.failures.map { $0.path.description }) == Set(lies.map { "size \($0)" }))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder("out")) == ["honest"])
        // What is there is given out, and not as if it were all.
        let browser = try await forged.repository.browser()
        for lie in lies {
            let entry = try #require(try await browser.entry(TreePath("size \(lie)"), of: forged.snapshot))
            var bytes = 0
            await #expect(throws: RepositoryError.self) { try await browser.content(of: entry) { bytes += $0.count } }
            #expect(bytes == (hasContent ? 5000 : 0))
        }
    }

    @Test func aRepairKeepsWhatIsThereUnderAnotherName() async throws {
        let forged = try await forged([4999, 5001])
        let reports = try await forged.repository.repairSnapshots([forged.snapshot], forget: true)
        #expect(Set(reports[0].incomplete.map(\.description)) == ["size 4999", "size 5001"])
        #expect(try await forged.repository.check(CheckOptions(read: .all)).isSound)
        let folder = try Folder()
        let repaired = try #require(reports[0].repaired)
        #expect(try await forged.repository.restore(repaired, to: FolderWriter(folder("out"))).failures.isEmpty)
        #expect(
            Set(try FileManager.default.contentsOfDirectory(atPath: folder("out"))) == [
                "honest", "size 4999.incomplete", "size 5001.incomplete",
            ])
        try await forged.bench.restic.succeed("check", "--read-data")
    }

    /// An image is written only where all of it can be, and one that is compared with less than all of it is not the same.
    @Test(arguments: [4999, 5001, .max]) func anImageIsNotWrittenByHalf(_ size: UInt64) async throws {
        let bench = try await Bench()
        let content = noise(5000, seed: 3)
        let key = BlobKey(kind: .data, id: SHA256.digest(content))
        var writer = PackWriter(files: bench.repository.files)
        try await writer.add(whole: key, content)
        var node = Node(name: "disk", type: "file")
        (node.size, node.content) = (size, [key.id])
        let root = try await writer.add(Tree(nodes: [node]))
        try await writer.finish()
        var snapshot = Snapshot(time: .now, tree: root.hex, paths: ["/disk"], hostname: "mallory")
        snapshot.id = try await bench.repository.files.save(ObjectNames.snapshots, snapshot.encoded).hex
        let target = MemoryTarget(size: 6000)
        await #expect(throws: RepositoryError.self) { try await bench.repository.restoreImage(snapshot, to: target) }
        #expect(target.written == 0 && target.end == .abandoned && target.bytes == [UInt8](repeating: 0xAA, count: 6000))
        guard size < 6000 else { return }
        let image = MemoryImage(size: 6000, [0: content])
        await #expect(throws: RepositoryError.self) { try await bench.repository.compareImage(snapshot, with: image) }
    }

    /// A file that has not changed is read again where the parent's content can't be its own.
    @Test func aBackupDoesNotInheritThem() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/file", noise(3000, seed: 1))
        try bench.folder.write("source/other", noise(2000, seed: 2))
        let source = FolderReader(bench.folder("source"), logicalPath: "/source")
        let first = try await bench.repository.archive(source, ArchiveOptions(host: "h")).snapshot
        // The same tree with the other file's content under the first one's metadata.
        let loader = BlobLoader(store: bench.store, key: bench.repository.key, index: try await bench.repository.loadIndex())
        let root = try await loader.loadTree(try first.treeID())
        var folder = try #require(root.node(named: "source"))
        var nodes = Array(try await loader.loadTree(try #require(folder.subtree)).nodes)
        nodes[0].content = nodes[1].content
        var writer = PackWriter(files: bench.repository.files)
        folder.subtree = try await writer.add(Tree(nodes: nodes))
        var lie = first
        lie.tree = try await writer.add(Tree(nodes: [folder])).hex
        try await writer.finish()
        try await bench.store.delete(ObjectName(ObjectNames.snapshots + first.id))
        lie.id = try await bench.repository.files.save(ObjectNames.snapshots, lie.encoded).hex
        // Long enough ago to be believed.
        let next = try await bench.repository.archive(source, ArchiveOptions(host: "h")).snapshot
        #expect(next.parent == lie.id)
        let target = try Folder()
        #expect(try await bench.repository.restore(next, to: FolderWriter(target("out"))).failures.isEmpty)
        try Bench.expectEqual(bench.folder("source"), target("out/source"))
    }
}
