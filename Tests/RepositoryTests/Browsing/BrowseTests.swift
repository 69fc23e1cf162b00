import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Looking into snapshots, compared with what stock restic shows.
@Suite struct BrowseTests {
    private func stored(_ bench: Bench, _ name: String = "source") async throws -> Snapshot {
        try await bench.repository.archive(FolderReader(bench.folder(name)), ArchiveOptions(host: "h")).snapshot
    }

    /// What `restic ls --json` lists, by path.
    private func listed(_ bench: Bench, _ snapshot: Snapshot) async throws -> Set<String> {
        let lines = try await bench.restic.succeed("ls", "--json", snapshot.id).split(separator: "\n")
        return Set(
            try lines.compactMap { line -> String? in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                guard object?["struct_type"] as? String == "node", let path = object?["path"] as? String else { return nil }
                return "\(path) \(object?["type"] as? String ?? "")"
            })
    }

    @Test func aListingIsWhatResticLists() async throws {
        let bench = try await Bench()
        try InteroperabilityTests.fill(bench.folder, "source")
        let snapshot = try await stored(bench)
        let browser = try await bench.repository.browser()
        var found: Set<String> = []
        try await browser.walk(snapshot) { found.insert("/\($0.path) \($0.type)") }
        #expect(try await found.symmetricDifference(listed(bench, snapshot)) == [])

        // Below a path, of a file, and of nothing.
        let root = TreePath(bench.folder("source"))
        var below: [String] = []
        try await browser.walk(snapshot, below: TreePath(root.parts + ["deep"])) { below.append($0.path.parts.last?.description ?? "") }
        #expect(below == ["er", "and", "deeper", "file"])
        below = []
        try await browser.walk(snapshot, below: TreePath(root.parts + ["small.txt"])) { below.append("\($0.size)") }
        #expect(below == ["5"])
        await #expect(throws: RepositoryError.self) { try await browser.walk(snapshot, below: TreePath("/no/such")) { _ in } }
    }

    @Test func aFilesContentComesInOrder() async throws {
        let bench = try await Bench()
        let bytes = noise(9_000_000, seed: 3)
        try bench.folder.write("source/big", bytes)
        let snapshot = try await stored(bench)
        let browser = try await bench.repository.browser()
        let entry = try #require(try await browser.entry(TreePath(bench.folder("source/big")), of: snapshot))
        var content: [UInt8] = []
        try await browser.content(of: entry) { content += $0 }
        #expect(content == bytes && entry.blobs.count > 2)
    }

    @Test func aFoldersArchiveIsWhatTarExtracts() async throws {
        let bench = try await Bench()
        try InteroperabilityTests.fill(bench.folder, "source")
        let long = String(repeating: "a long name ", count: 15)
        try bench.folder.write("source/\(long)/\(long)", "far down")
        symlink(String(repeating: "x/", count: 80), bench.folder("source/far link"))
        var times = [timespec(tv_sec: -86_400 * 365, tv_nsec: 250_000_000), timespec(tv_sec: -86_400 * 365, tv_nsec: 250_000_000)]
        utimensat(AT_FDCWD, bench.folder("source/small.txt"), &times, 0)
        let snapshot = try await stored(bench)
        let browser = try await bench.repository.browser()
        let archive = bench.folder("out.tar")
        _ = FileManager.default.createFile(atPath: archive, contents: nil)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: archive))
        var tar = PaxArchive { try file.write(contentsOf: Data($0)) }
        try await tar.add(TreePath(bench.folder("source")), of: snapshot, from: browser)
        try tar.finish()
        try file.close()
        try FileManager.default.createDirectory(atPath: bench.folder("out"), withIntermediateDirectories: true)
        try await HostProgram.run(["tar", "--extract", "--preserve-permissions", "--file", archive], in: bench.folder("out"))
        try Bench.expectEqual(bench.folder("source"), bench.folder("out"))
    }

    @Test func differencesAreThoseThatResticSees() async throws {
        let bench = try await Bench()
        try InteroperabilityTests.fill(bench.folder, "source")
        try bench.folder.write("source/gone/with/all", "x")
        let before = try await stored(bench)
        let source = bench.folder("source")
        try bench.folder.write("source/sub/text", "another")
        try bench.folder.write("source/new/inner", "n")
        try FileManager.default.removeItem(atPath: source + "/gone")
        chmod(source + "/empty", 0o600)
        unlink(source + "/small.txt")
        symlink("empty", source + "/small.txt")
        unlink(source + "/link")
        symlink("elsewhere", source + "/link")
        let after = try await stored(bench)
        var ours: Set<String> = []
        try await bench.repository.browser().differences(from: before, to: after) { change in
            let letter: [SnapshotChange.Kind: String] = [
                .added: "+", .removed: "-", .modified: "M", .typeChanged: "T", .metadataChanged: "U",
            ]
            let isFolder = (change.after ?? change.before)?.type == "dir"
            ours.insert("\(letter[change.kind] ?? "") /\(change.path)\(isFolder ? "/" : "")")
        }
        let output = try await bench.restic.succeed("diff", "--metadata", before.id, after.id)
        let theirs = Set(
            output.split(separator: "\n").filter { $0.contains(" /") && "+-MTU".contains($0.first ?? " ") }.map { line in
                let words = line.split(separator: " ", maxSplits: 1)
                return "\(words[0].prefix(1)) \(words[1].trimmingCharacters(in: .whitespaces))"
            })
        // restic calls a link that points elsewhere a change of metadata, and says of every folder above a change that it differs.
        let differing = ours.symmetricDifference(theirs).filter { !$0.hasSuffix("/link") && !($0.hasPrefix("U") && $0.hasSuffix("/")) }
        #expect(differing == [], "\(output)")
        #expect(ours.contains("M \(source)/link") && ours.contains("T \(source)/small.txt") && ours.contains("- \(source)/gone/with/all"))
        var same = 0
        try await bench.repository.browser().differences(from: after, to: after) { _ in same += 1 }
        #expect(same == 0)
    }

    @Test func tagsChangeAndTheFirstIdStays() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/file", "x")
        try await bench.restic.succeed("backup", "--tag", "one", bench.folder("source"))
        let theirs = try #require(try await bench.repository.snapshots().last)
        let changed = try await bench.repository.changeTags(of: [theirs], TagChange(add: ["two", "one"]))
        #expect(changed.map(\.tags) == [["one", "two"]] && changed.first?.original == theirs.id)
        let again = try await bench.repository.changeTags(of: changed, TagChange(set: ["three"], remove: []))
        #expect(again.first?.original == theirs.id)
        #expect(try await bench.repository.changeTags(of: again, TagChange(remove: ["nothing of the kind"])).isEmpty)
        let all = try await bench.repository.snapshots()
        #expect(all.count == 1 && all.first?.tags == ["three"])
        // To the nanosecond, in its zone: restic does not see another snapshot.
        #expect(all.first?.written == theirs.written)
        let listed = try await bench.restic.succeed("snapshots", "--tag", "three", "--json")
        #expect(listed.contains("\"original\":\"\(theirs.id)\""), "\(listed)")
        try await bench.restic.succeed("check")
    }
}
