import Crypto
import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Testing

/// The stock restic program judges what we write, and we read what it writes.
@Suite struct InteroperabilityTests {
    /// Files of every size class, odd names, links and special files.
    static func fill(_ folder: Folder, _ name: String) throws {
        try folder.write("\(name)/empty", "")
        try folder.write("\(name)/small.txt", "hello")
        try folder.write("\(name)/sub/noise", noise(3_000_000, seed: 1))
        try folder.write("\(name)/sub/text", Bench.text(2_500_000, seed: 5))
        try folder.write("\(name)/sub/zeros", [UInt8](repeating: 0, count: 1_700_000))
        try folder.write("\(name)/sub/copy of noise", noise(3_000_000, seed: 1))
        try folder.write("\(name)/a \"b\\c<&>\u{e4}\u{ad}\u{2028}", "odd")
        try folder.write("\(name)/deep/er/and/deeper/file", "x")
        let root = folder(name)
        symlink("sub/noise", root + "/link")
        link(root + "/small.txt", root + "/hard")
        mkfifo(root + "/fifo", 0o640)
        if getuid() == 0 { mknod(root + "/device", S_IFCHR | 0o600, 259) }
        chmod(root + "/small.txt", 0o4755)
        chmod(root + "/deep", 0o1777)
        let latin: [CChar] = (Array("\(root)/lat".utf8) + [0xE4]).map(CChar.init(bitPattern:)) + [0]
        let descriptor = open(latin, O_WRONLY | O_CREAT, 0o644)
        close(descriptor)
    }

    @Test func resticReadsChecksAndRestoresOurs() async throws {
        let bench = try await Bench()
        try Self.fill(bench.folder, "source")
        let source = bench.folder("source")
        let report = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h1", tags: ["t1"]))
        #expect(report.failures.isEmpty)
        try await bench.restic.succeed("check", "--read-data")
        #expect(try await bench.restic.succeed("ls", "latest").contains("\(source)/sub/noise"))
        #expect(try await bench.restic.succeed("snapshots", "--tag", "t1", "--host", "h1").contains(report.snapshot.shortID))
        try await bench.restic.succeed("restore", "latest", "--target", bench.folder("theirs"))
        try Bench.expectEqual(source, bench.folder("theirs") + source)
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("ours")))
        #expect(restored.failures.isEmpty && restored.warnings.isEmpty, "\(restored)")
        try Bench.expectEqual(source, bench.folder("ours") + source)
        var status = stat()
        stat(bench.folder("ours") + source + "/sub/zeros", &status)
        #expect(status.st_blocks * 512 < 200_000, "zeros are restored as a hole")
    }

    @Test func resticFindsOurChunksAndAddsNoData() async throws {
        let bench = try await Bench()
        try Self.fill(bench.folder, "source")
        _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h1"))
        let output = try await bench.restic.succeed("backup", "--json", "--force", "--host", "h1", bench.folder("source"))
        #expect(output.contains("\"data_blobs\":0,"), "\(output)")
        let theirs = try #require(try await bench.repository.snapshots().last)
        let again = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h1"))
        #expect(again.snapshot.parent == theirs.id)
        #expect(again.summary.filesUnmodified == again.summary.filesProcessed && again.summary.dataBlobs == 0)
        #expect(again.summary.filesProcessed > 8)
    }

    @Test(arguments: ["1", "2"])
    func weReadVerifyAndRestoreTheirs(version: String) async throws {
        let folder = try Folder()
        try Self.fill(folder, "source")
        let source = folder("source")
        let restic = try ResticRig(repository: folder("repo"), password: "pw", cache: folder("cache"))
        try await restic.succeed("init", "--repository-version", version)
        try await restic.succeed("backup", "--tag", "a,b", "--host", "theirs", source)
        let repository = try await Repository.open(LocalStore(path: folder("repo")), password: Array("pw".utf8))
        let snapshot = try #require(try await repository.snapshots().first)
        #expect(snapshot.hostname == "theirs" && snapshot.tags == ["a", "b"] && snapshot.paths == [source])
        let check = try await repository.check(CheckOptions(read: .all))
        #expect(check.problems.isEmpty && check.packsRead > 0, "\(check.problems)")
        let restored = try await repository.restore(snapshot, to: try FolderWriter(folder("ours")))
        #expect(restored.failures.isEmpty)
        try Bench.expectEqual(source, folder("ours") + source)
        let ours = try await repository.archive(FolderReader(source), ArchiveOptions(host: "elsewhere"))
        #expect(ours.summary.dataBlobs == 0, "chunks and names are the same")
        try await restic.succeed("check", "--read-data")
    }

    @Test(arguments: ["UTC", "Asia/Kolkata"])
    func treesOfResticEncodeByteForByte(zone: String) async throws {
        let folder = try Folder()
        try Self.fill(folder, "source")
        let restic = try ResticRig(repository: folder("repo"), password: "pw", cache: folder("cache"))
        try await restic.succeed("init", "--repository-version", "2")
        try await restic.succeed("backup", "--with-atime", folder("source"), "/usr/share/zoneinfo/Etc", environment: ["TZ": zone])
        let repository = try await Repository.open(LocalStore(path: folder("repo")), password: Array("pw".utf8))
        let loader = BlobLoader(store: repository.store, key: repository.key, index: try await repository.loadIndex())
        let walk = UsedBlobs(loader: loader)
        try await walk.add(try #require(try await repository.snapshots().first).treeID())
        let trees = walk.used.filter { $0.kind == .tree }
        #expect(trees.count > 8 && walk.problems.isEmpty)
        for key in trees {
            let bytes = try await loader.load(key)
            #expect(try Tree(decoding: bytes, id: key.id).encoded == bytes)
        }
    }

    @Test func resticForgetsAndPrunesOurs() async throws {
        let bench = try await Bench()
        try Self.fill(bench.folder, "source")
        let source = bench.folder("source")
        _ = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h1"))
        try bench.folder.write("source/sub/noise", noise(3_000_000, seed: 2))
        try bench.folder.write("source/sub/copy of noise", noise(3_000_000, seed: 3))
        let second = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h1"))
        #expect(second.summary.filesChanged == 2 && second.summary.filesUnmodified > 5)
        try await bench.restic.succeed("forget", "--keep-last", "1", "--prune", "--max-unused", "0")
        try await bench.restic.succeed("check", "--read-data")
        let check = try await bench.repository.check(CheckOptions(read: .all))
        #expect(check.problems.isEmpty && check.snapshots == 1)
        _ = try await bench.repository.restore(second.snapshot, to: try FolderWriter(bench.folder("ours")))
        try Bench.expectEqual(source, bench.folder("ours") + source)
    }

    @Test func chosenPathsAndRootsAreRestored() async throws {
        let bench = try await Bench()
        try Self.fill(bench.folder, "source")
        let report = try await bench.repository.archive(
            FolderReader(bench.folder("source"), logicalPath: "/srv/data"), ArchiveOptions(host: "h1"))
        #expect(report.snapshot.paths == ["/srv/data"])
        _ = try await bench.repository.restore(
            report.snapshot, to: try FolderWriter(bench.folder("root")), RestoreOptions(root: TreePath("srv/data")))
        try Bench.expectEqual(bench.folder("source"), bench.folder("root"))
        let part = try await bench.repository.restore(
            report.snapshot, to: try FolderWriter(bench.folder("part")),
            RestoreOptions(paths: [TreePath("srv/data/sub"), TreePath("srv/data/small.txt")]))
        #expect(part.files == 5)
        try Bench.expectEqual(bench.folder("source/sub"), bench.folder("part/srv/data/sub"))
        #expect(!FileManager.default.fileExists(atPath: bench.folder("part/srv/data/deep")))
        let mistaken = try await bench.repository.restore(
            report.snapshot, to: try FolderWriter(bench.folder("mistaken")),
            RestoreOptions(paths: [TreePath("srv/data/sub"), TreePath("srv/date")]))
        #expect(mistaken.failures.map { [$0.error.code, "\($0.path)"] } == [["no-such-path", "srv/date"]])
    }
}
