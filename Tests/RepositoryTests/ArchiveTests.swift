import Crypto
import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Synchronization
import Testing

/// What a backup reads, leaves out, counts and reports.
@Suite struct ArchiveTests {
    @Test func manySmallFilesAndDeepFolders() async throws {
        let bench = try await Bench()
        for number in 0..<1500 {
            try bench.folder.write("source/\(number % 30)/\(number)", noise(number % 97 * 40, seed: UInt64(number + 1)))
        }
        try bench.folder.write("source/" + String(repeating: "d/", count: 150) + "bottom", "deep")
        let reader = FolderReader(bench.folder("source"))
        let seen = Mutex<[ArchiveProgress]>([])
        var options = ArchiveOptions(host: "h")
        options.progress = { progress in seen.withLock { $0.append(progress) } }
        let first = try await bench.repository.archive(reader, options)
        #expect(first.summary.filesNew == 1501 && first.summary.filesProcessed == 1501 && first.failures.isEmpty)
        #expect(first.summary.directoriesNew == UInt64(30 + 150 + bench.folder("source").split(separator: "/").count))
        let last = try #require(seen.withLock { $0.last })
        #expect(
            last.files == 1501 && last.bytes == first.summary.bytesProcessed && last.bytesRead == last.bytes
                && last.bytesStored > last.bytes)

        try bench.folder.write("source/7/7", "changed")
        let second = try await bench.repository.archive(reader, options)
        #expect(second.snapshot.parent == first.snapshot.id)
        #expect(second.summary.filesChanged == 1 && second.summary.filesUnmodified == 1500 && second.summary.dataBlobs == 1)
        #expect(second.summary.directoriesUnmodified > 150 && second.summary.treeBlobs < 12)
        #expect(seen.withLock { $0.last }?.bytesRead == 7)
        try await bench.restic.succeed("check", "--read-data")
        try await bench.restic.succeed("restore", "latest", "--target", bench.folder("out"))
        try Bench.expectEqual(bench.folder("source"), bench.folder("out") + bench.folder("source"))
    }

    @Test func excludedFilesAreLeftOut() async throws {
        let bench = try await Bench()
        for name in ["keep", "skip.tmp", "sub/skip.tmp", "cache/a", "cache/b"] { try bench.folder.write("source/\(name)", name) }
        var options = ArchiveOptions(host: "h", tags: ["a"])
        options.exclude = { path, metadata in path.description.hasSuffix(".tmp") || metadata.kind == .directory && path == TreePath("cache")
        }
        options.excludePatterns = ["*.tmp", "cache"]
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), options)
        #expect(report.summary.filesProcessed == 1 && report.snapshot.excludes == ["*.tmp", "cache"])
        let listed = try await bench.restic.succeed("ls", report.snapshot.shortID)
        #expect(listed.contains("/keep") && !listed.contains("cache") && !listed.contains(".tmp"))
    }

    @Test func parentsAreChosenByHostPathAndTime() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/file", "x")
        let reader = FolderReader(bench.folder("source"))
        let early = try await bench.repository.archive(
            reader, ArchiveOptions(host: "h", time: Instant(microseconds: 1_000_000_000_000_000))
        ).snapshot
        let other = try await bench.repository.archive(reader, ArchiveOptions(host: "other")).snapshot
        #expect(early.parent == nil && other.parent == nil)
        let late = try await bench.repository.archive(reader, ArchiveOptions(host: "h")).snapshot
        #expect(late.parent == early.id)
        let between = try await bench.repository.archive(
            reader, ArchiveOptions(host: "h", time: Instant(microseconds: 1_100_000_000_000_000))
        ).snapshot
        #expect(between.parent == early.id)
        let none = try await bench.repository.archive(reader, ArchiveOptions(host: "h", parent: .none))
        #expect(none.snapshot.parent == nil && none.summary.filesNew == 1 && none.summary.dataBlobs == 0)
        let chosen = try await bench.repository.archive(reader, ArchiveOptions(host: "h", parent: .id(other.id)))
        #expect(chosen.snapshot.parent == other.id && chosen.summary.filesUnmodified == 1)
        let error = try await #require(throws: RepositoryError.self) {
            try await bench.repository.archive(reader, ArchiveOptions(host: "h", parent: .id(String(repeating: "0", count: 64))))
        }
        #expect(error.code == "no-such-snapshot")
    }

    @Test func aFileWhoseBlobsAreGoneIsReadAgain() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/file", noise(400_000, seed: 4))
        let reader = FolderReader(bench.folder("source"))
        _ = try await bench.repository.archive(reader, ArchiveOptions(host: "h"))
        for (id, _) in try await bench.store.listIDs(ObjectNames.index) {
            try await bench.store.delete(ObjectName(ObjectNames.index + id.hex))
        }
        let again = try await bench.repository.archive(reader, ArchiveOptions(host: "h"))
        #expect(again.summary.filesUnmodified == 0 && again.summary.dataBlobs == 1)
    }

    @Test func textIsCompressedAndNoiseIsStoredAsItIs() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/noise", noise(700_000, seed: 8))
        try bench.folder.write("source/text", Bench.text(700_000, seed: 8))
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        let blobs = try await bench.repository.loadIndexedPacks().flatMap(\.blobs)
        let data = blobs.filter { $0.key.kind == .data }
        #expect(data.filter { $0.plainLength == 0 }.map(\.size).reduce(0, +) == 700_000)
        #expect(data.filter { $0.plainLength != 0 && $0.length < 300_000 }.map(\.size).reduce(0, +) == 700_000)
        #expect(blobs.filter { $0.key.kind == .tree }.allSatisfy { $0.plainLength != 0 })
        #expect(report.summary.dataAddedPacked < report.summary.dataAdded)
    }

    @Test func twoBackupsAtOnceShareARepository() async throws {
        let bench = try await Bench()
        for name in ["a", "b"] {
            for number in 0..<4 { try bench.folder.write("\(name)/\(number)", noise(1_200_000, seed: UInt64(number + 1))) }
        }
        async let one = bench.repository.archive(FolderReader(bench.folder("a")), ArchiveOptions(host: "h"))
        async let other = bench.repository.archive(FolderReader(bench.folder("b")), ArchiveOptions(host: "h"))
        _ = try await (one, other)
        try await bench.restic.succeed("check", "--read-data")
        _ = try await bench.repository.prune(PruneOptions(maximumUnused: nil))
        let check = try await bench.repository.check(CheckOptions(read: .all))
        #expect(check.problems.isEmpty && check.snapshots == 2)
    }

    @Test func aSampleReadsItsShare() async throws {
        let bench = try await Bench()
        for number in 0..<6 {
            try bench.folder.write("source/file", noise(60_000, seed: UInt64(number + 1)))
            _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        }
        let metadata = try await bench.repository.check()
        #expect(metadata.packs == 12 && metadata.packsRead == 0 && metadata.isSound && metadata.snapshots == 6)
        let half = try await bench.repository.check(CheckOptions(read: .sample(try #require(Percentage(percent: 50)))))
        #expect(half.packsRead == 6 && half.bytesRead > 0)
        let snapshot = try #require(try await bench.repository.snapshots().last)
        let one = try await bench.repository.check(CheckOptions(snapshot: snapshot, read: .all))
        #expect(one.packsRead == 2 && one.isSound, "its data and its trees")
    }

    @Test func aCancelledRestoreLeavesNoHalfFile() async throws {
        let bench = try await Bench()
        for number in 0..<6 { try bench.folder.write("source/\(number)", noise(5_000_000, seed: UInt64(number + 1))) }
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        let begun = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        let options = RestoreOptions(root: TreePath(bench.folder("source"))) { _ in
            begun.continuation.yield()
            gate.wait()
            gate.signal()
        }
        let writer = try FolderWriter(bench.folder("out"))
        let restore = Task { try await bench.repository.restore(report.snapshot, to: writer, options) }
        for await _ in begun.stream { break }
        restore.cancel()
        gate.signal()
        await #expect(throws: CancellationError.self) { try await restore.value }
        for name in try FileManager.default.contentsOfDirectory(atPath: bench.folder("out")) {
            #expect(
                FileManager.default.contentsEqual(atPath: bench.folder("out/\(name)"), andPath: bench.folder("source/\(name)")), "\(name)")
        }
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
    }

    @Test func restoringOverWhatIsThereIsRefusedFileByFile() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/a", "one")
        try bench.folder.write("source/b", "two")
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        try bench.folder.write("out/a", "precious")
        let restored = try await bench.repository.restore(
            report.snapshot, to: try FolderWriter(bench.folder("out")), RestoreOptions(root: TreePath(bench.folder("source"))))
        #expect(restored.failures.map(\.path) == [TreePath("a")] && restored.failures.first?.error.code == "exists")
        #expect(try String(contentsOfFile: bench.folder("out/a"), encoding: .utf8) == "precious")
        #expect(restored.files == 1)
    }
}
