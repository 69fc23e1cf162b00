import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Whatever a repository says of itself, the memory of who reads it is bounded, and the error says what was too much.
@Suite struct MetadataLimitsTests {
    private func zstd(_ text: String, times: Int = 1) -> [UInt8] {
        packed(repeated(text, times))
    }

    private func repeated(_ text: String, _ times: Int) -> [UInt8] {
        var (out, unit, left): ([UInt8], [UInt8], Int) = ([], Array(text.utf8), times)
        while left > 0 {
            if left % 2 == 1 { out += unit }
            left /= 2
            if left > 0 { unit += unit }
        }
        return out
    }

    private func packed(_ bytes: [UInt8]) -> [UInt8] {
        let compressor = Compressor(level: 3)
        return withExtendedLifetime(compressor) { bytes.withUnsafeBytes { Array(compressor.compress($0)) } }
    }

    private func put(_ bench: Bench, _ prefix: String, _ frames: [UInt8]) async throws {
        let sealed = Sealer(bench.repository.key).seal([2] + frames)
        try await bench.store.put(ObjectName(prefix + SHA256.digest(sealed).hex), sealed)
    }

    /// A snapshot whose root is what `pieces` unpack to, one after another.
    private func snapshot(_ bench: Bench, _ pieces: [(text: String, times: Int)]) async throws -> Snapshot {
        let hash = SHA256()
        var (length, frames): (Int, [UInt8]) = (0, [])
        for (text, times) in pieces {
            let bytes = repeated(text, times)
            hash.update(bytes)
            length += bytes.count
            frames += packed(bytes)
        }
        let id = hash.finish()
        var writer = PackWriter(files: bench.repository.files)
        try await writer.add(BlobKey(kind: .tree, id: id), frames, plainLength: length)
        try await writer.finish()
        var snapshot = Snapshot(time: .now, tree: id.hex, paths: ["/"], hostname: "mallory")
        snapshot.id = try await bench.repository.files.save(ObjectNames.snapshots, snapshot.encoded).hex
        return snapshot
    }

    // MARK: indexes and snapshots

    /// Each is small enough; together they are not.
    @Test func manySmallBombsAreOne() async throws {
        let bench = try await Bench()
        let (start, spaces) = (zstd("{\"packs\":[]}"), zstd(" ", times: 4_000_000))
        for number in 0..<27 { try await put(bench, ObjectNames.index, start + spaces + zstd(" ", times: number + 1)) }
        let report = try await bench.repository.check()
        let refused = report.problems.filter { $0.error.found.contains("unpack to more") }
        #expect(!refused.isEmpty && refused.count < 27, "\(report.problems)")
        #expect(refused.allSatisfy { $0.error.advice.contains("repository repair index") })
        // And the way out of it.
        #expect(try await bench.repository.repairIndex().isNeeded)
        #expect(try await bench.repository.check().isSound)
    }

    @Test func theRoomForAllGrowsWithWhatIsStored() {
        var room = UnpackingRoom(ObjectNames.index)
        let limit = UnpackingRoom.limit(of: ObjectNames.index)
        let first = [room.take(16 << 20, stored: 100), room.take(800, stored: 0), !room.take(1, stored: 0)]
        // Honest ones unpack to five times what is stored, however many there are.
        let honest = (0..<1000).map { _ in room.take(10_000_000, stored: 2_000_000) }
        let bomb = room.take(1000 * limit, stored: 1)
        #expect(first == [true, true, true] && !honest.contains(false) && !bomb)
    }

    @Test func snapshotsThatSayTooMuchAreNamedAndTheOthersListed() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/file", "content")
        let honest = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h")).snapshot
        let end = "\"],\"tree\":\"\(honest.tree)\",\"time\":\"2026-01-02T03:04:05Z\"}"
        for number in 0..<2 {
            let bomb = zstd("{\"paths\":[\"\(number)") + zstd("\",\"" + String(repeating: "a", count: 100), times: 200_000) + zstd(end)
            try await put(bench, ObjectNames.snapshots, bomb)
        }
        let list = try await bench.repository.snapshotList()
        #expect(!list.damaged.isEmpty && list.damaged.allSatisfy { $0.found.contains("unpack to more") })
        #expect(list.snapshots.contains { $0.id == honest.id })
    }

    @Test(
        arguments: [
            // A size of 2^60, and a window of terabytes with no size.
            [0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0],
            [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xFF, 1, 0, 0],
            [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88, 1, 0, 0],
        ] as [[UInt8]])
    func whatFramesSayOfThemselvesTakesNoMemory(_ frame: [UInt8]) async throws {
        let bench = try await Bench()
        try await put(bench, ObjectNames.index, frame)
        let report = try await bench.repository.check()
        #expect(report.problems.contains { $0.error.location.contains("index/") && $0.error.code == "damaged" })
    }

    // MARK: trees

    /// One entry whose list of blobs is longer than the memory: a hundred megabytes, of some kilobytes stored.
    @Test func anEntryThatUnpacksToTooMuchIsRefused() async throws {
        let bench = try await Bench()
        let id = "\"" + String(repeating: "ab", count: 32) + "\","
        let bomb = try await snapshot(
            bench,
            [("{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"content\":[", 1)] + Array(repeating: (id, 200_000), count: 8)
                + [("\"" + String(repeating: "ab", count: 32) + "\"]}]}\n", 1)])
        let report = try await bench.repository.check(CheckOptions(snapshot: bomb))
        #expect(report.problems.contains { $0.error.expected.contains("16 times what is stored") }, "\(report.problems)")
        #expect(report.damagedPaths == [TreePath()])
    }

    /// A folder that is larger than what is unpacked whole, and honest.
    @Test func aLargeFolderIsReadEntryByEntry() async throws {
        let bench = try await Bench()
        let padding = Array("{\"padding\":\"\(String(repeating: "x", count: 1000))\"}".utf8)
        let nodes = (0..<8000).map { number in
            var node = Node(name: FileName("file-\(1_000_000 + number)"), type: "file")
            (node.mode, node.content, node.user, node.inode, node.genericAttributes) = (0o644, [], "somebody", UInt64(number), padding)
            return node
        }
        var writer = PackWriter(files: bench.repository.files)
        let tree = Tree(nodes: nodes)
        let root = try await writer.add(tree)
        try await writer.finish()
        #expect(tree.encoded.count > Int(TreeLimits.small) && tree.nodes.memory < tree.encoded.count)
        var snapshot = Snapshot(time: .now, tree: root.hex, paths: ["/"], hostname: "h")
        snapshot.id = try await bench.repository.files.save(ObjectNames.snapshots, snapshot.encoded).hex
        #expect(try await bench.repository.check(CheckOptions(read: .all)).isSound)
        let browser = try await bench.repository.browser()
        #expect(browser.loader.isLargeTree(root))
        let read = try await browser.loader.loadTree(root)
        #expect(read.encoded == tree.encoded && read.node(named: "file-1001234")?.inode == 1234)
        try await bench.restic.succeed("check", "--read-data")
    }

    /// Whatever the pieces are that a tree comes in, it is the same tree, or the same error.
    @Test func aTreeInPiecesIsTheSameTree() throws {
        func pieces(_ text: [UInt8], of count: Int, memory: Int = .max, entry: Int = .max) throws -> Tree {
            var splitter = TreeSplitter(SHA256.digest(text), memory: memory, entry: entry)
            for start in stride(from: 0, to: text.count, by: count) {
                try Array(text[start..<min(start + count, text.count)]).withUnsafeBytes { try splitter.take($0) }
            }
            return try splitter.finish()
        }
        let odd =
            #"{"x":{"nodes":[1,"]"]},"nodes":[ {"name":"a\\\"]}","type":"file","content":[]} , {"name":"b","y":[{"z":"}"}]}],"nodes2":[]}"#
            + "\n"
        for count in [1, 2, 7, 1000] {
            #expect(try pieces(Array(odd.utf8), of: count).encoded == Tree(decoding: Array(odd.utf8), id: SHA256.digest([])).encoded)
            let empty = Tree(nodes: []).encoded
            #expect(try pieces(empty, of: count).encoded == empty)
        }
        for bad in [
            "", "{", "[1", "{\"nodes\":[}", "{\"nodes\":[{\"name\":\"a\"}", "{\"nodes\":[]}}", "{\"nodes\":[]} {", "{\"nodes\":[5]}",
            "{\"nodes\":[{\"name\":\"b\"},{\"name\":\"a\"}]}", "{\"nodes\":[{\"name\":\"..\"}]}", "{\"nodes\":[\"a\"]}", "{\"nodes\":[[]]}",
            "{\"nodes\":" + String(repeating: "[", count: 1000), "\"nodes\":[]",
        ] {
            #expect(throws: RepositoryError.self, "\(bad)") { try pieces(Array(bad.utf8), of: 3) }
        }
        let error = #expect(throws: RepositoryError.self) { try pieces(Array(odd.utf8), of: 5, memory: 20) }
        #expect(error?.expected.contains("folder's list") == true)
        #expect(throws: RepositoryError.self) { try pieces(Array(odd.utf8), of: 5, entry: 20) }
    }

    @Test func anEntryIsUnpackedAsItWasPacked() throws {
        var nodes: [Node] = []
        for number in 0..<64 {
            var node = Node(
                name: FileName(bytes: [UInt8(number + 1), 0xFF]), type: ["file", "dir", "symlink", "dev", "socket", ""][number % 6])
            (node.mode, node.userID, node.groupID) = (.max >> UInt32(number % 32), UInt32(number % 3), .max >> UInt32(number % 31))
            node.modified = GoTime(FileTime(seconds: Int64(number - 30) &* 123_456_789, nanoseconds: Int32(number * 15_000_001)))
            if number % 2 == 0 { node.changed = GoTime(FileTime(seconds: -1), offsetMinutes: Int32(number) - 32) }
            if number % 3 == 0 { node.accessed = GoTime(FileTime(seconds: 253_402_300_799, nanoseconds: 999_999_999)) }
            if number % 4 == 0 { (node.user, node.inode, node.size, node.links) = ("\u{e9}", .max, .max, 1 << 63) }
            if number % 5 == 0 { (node.linkTarget, node.error, node.device) = ([0xFF, 0], "e\0rror", .max) }
            if number % 6 == 0 {
                node.extendedAttributes = [ExtendedAttribute(name: "user.x", value: [0, 1]), ExtendedAttribute(name: "", value: [])]
            }
            if number % 7 == 0 { node.genericAttributes = Array("{\"a\":1}".utf8) }
            if number % 8 < 5 { node.content = (0..<number % 8).map { SHA256.digest([UInt8($0)]) } }
            if number % 9 == 0 { node.subtree = SHA256.digest([UInt8(number)]) }
            nodes.append(node)
        }
        for node in nodes {
            let list = NodeList([node])
            #expect(Tree.encode([list[0]]) == Tree.encode([node]))
            #expect(list[0].type == node.type && list[0].name == node.name)
        }
        #expect(Tree.encode(NodeList(nodes)) == Tree.encode(nodes))
    }

    /// A walk that holds one list at a time sees what a walk sees that holds them all.
    @Test func openListsThatWentAreReadAgain() async throws {
        let bench = try await Bench()
        for number in 0..<5 { try bench.folder.write("source/a/b\(number)/c/\(number)", "x") }
        let snapshot = try await bench.repository.archive(
            FolderReader(bench.folder("source"), logicalPath: "/s"), ArchiveOptions(host: "h")
        ).snapshot
        let loader = try await bench.repository.browser().loader
        func names(_ trees: inout OpenTrees, _ id: ObjectID) async throws -> [String] {
            try await trees.enter(id)
            var found: [String] = []
            for index in 0..<trees.count {
                let node = try await trees.node(index)
                found.append(node.name.description)
                if let subtree = node.subtree { found += try await names(&trees, subtree) }
            }
            trees.leave()
            return found
        }
        var (all, one) = (OpenTrees(loader), OpenTrees(loader, limit: 0))
        let expected = try await names(&all, try snapshot.treeID())
        #expect(expected.count == 17)
        #expect(try await names(&one, try snapshot.treeID()) == expected)
    }
}
