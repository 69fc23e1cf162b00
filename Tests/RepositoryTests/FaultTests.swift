import Crypto
import Foundation
import Basics
@testable import Repository
import Rigs
import StorageKit
import Testing

/// Damage and trouble of every kind: a clear error, and what is not hit is still there.
@Suite struct FaultTests {
    private func source(_ bench: Bench) throws -> String {
        try bench.folder.write("source/one", noise(1_500_000, seed: 11))
        try bench.folder.write("source/two", Bench.text(400_000, seed: 12))
        try bench.folder.write("source/sub/three", "three")
        return bench.folder("source")
    }

    private func packs(_ bench: Bench) async throws -> [(id: ObjectID, size: Int64)] {
        try await bench.store.listIDs(ObjectNames.data).sorted { $0.size > $1.size }
    }

    private func flip(_ path: String, at offset: Int) throws {
        chmod(path, 0o600)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: UInt64(offset))
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: [byte ^ 0x10])
        try handle.close()
    }

    @Test func aRepositoryThatLostItsConfigIsNotBuiltOver() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/a", noise(300_000, seed: 9))
        _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        let config = try await bench.store.get(ObjectName("config"))
        try await bench.store.delete(ObjectName("config"))
        let before = try FileManager.default.subpathsOfDirectory(atPath: bench.folder("repo")).sorted()
        let error = await #expect(throws: RepositoryError.self) {
            _ = try await Repository.create(on: bench.store, password: Array(Bench.password.utf8))
        }
        #expect(error?.kind == .damaged && error?.advice.contains("bring `config` back") == true)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: bench.folder("repo")).sorted() == before)
        // A second key of the same password and another master key, as a program that did build over it would leave.
        let other = LocalStore(path: bench.folder("other"))
        _ = try await Repository.create(on: other, password: Array(Bench.password.utf8))
        for key in try FileManager.default.contentsOfDirectory(atPath: bench.folder("other/keys")) {
            try FileManager.default.copyItem(atPath: bench.folder("other/keys/\(key)"), toPath: bench.folder("repo/keys/\(key)"))
        }
        try await bench.store.put(ObjectName("config"), config)
        #expect(try await Repository.open(bench.store, password: Array(Bench.password.utf8)).snapshots().count == 1)
    }

    @Test func wrongPasswordAndNoRepository() async throws {
        let bench = try await Bench()
        let wrong = try await #require(throws: RepositoryError.self) {
            try await Repository.open(bench.store, password: Array("nonsense".utf8))
        }
        #expect(wrong.code == "wrong-password" && !wrong.description.contains("nonsense"))
        let none = try await #require(throws: RepositoryError.self) {
            try await Repository.open(LocalStore(path: bench.folder("nothing")), password: [])
        }
        #expect(none.code == "not-a-repository")
        let twice = try await #require(throws: RepositoryError.self) { try await Repository.create(on: bench.store, password: []) }
        #expect(twice.code == "exists")
        try flip(bench.folder("repo/config"), at: 20)
        let damaged = try await #require(throws: RepositoryError.self) {
            try await Repository.open(bench.store, password: Array(Bench.password.utf8))
        }
        #expect(damaged.code == "damaged")
    }

    @Test func aMissingPackIsNamedWithThePathsItHits() async throws {
        let bench = try await Bench()
        let source = try source(bench)
        let report = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h"))
        let largest = try #require(try await packs(bench).first)
        try await bench.store.delete(ObjectNames.pack(largest.id))
        let check = try await bench.repository.check(CheckOptions(snapshot: report.snapshot))
        #expect(!check.isSound && check.damagedPacks == [largest.id.hex])
        #expect(check.problems.contains { $0.error.code == "missing-pack" })
        #expect(check.damagedPaths.contains(TreePath(source + "/one")))
        #expect(try await bench.restic.run(["check"]).status != 0)
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out")))
        #expect(Set(restored.failures.map(\.path)) == Set(check.damagedPaths))
        #expect(!FileManager.default.fileExists(atPath: bench.folder("out") + source + "/one"), "nothing half-written stays")
        let prune = try await #require(throws: RepositoryError.self) { try await bench.repository.prune() }
        #expect(prune.code == "missing-pack")
    }

    @Test func aFlippedBitHitsOneFileAndOnlyFullReadsFindIt() async throws {
        let bench = try await Bench()
        let source = try source(bench)
        let report = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h"))
        let index = try await bench.repository.loadIndex()
        let place = try await located("three", below: report.snapshot, bench, index)
        try flip(bench.folder("repo/" + ObjectNames.pack(place.pack).text), at: Int(place.blob.offset) + 18)
        #expect(try await bench.repository.check().isSound)
        let check = try await bench.repository.check(CheckOptions(snapshot: report.snapshot, read: .all))
        #expect(check.damagedPaths == [TreePath(source + "/sub/three")])
        #expect(check.damagedBlobs == [place.blob.key.id.hex])
        #expect(try await !bench.repository.check(CheckOptions(read: .all)).isSound)
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out")))
        #expect(restored.failures.map(\.path) == [TreePath(source + "/sub/three")])
        #expect(FileManager.default.contentsEqual(atPath: source + "/one", andPath: bench.folder("out") + source + "/one"))
    }

    private func located(
        _ name: String, below snapshot: Snapshot, _ bench: Bench, _ index: MasterIndex
    ) async throws -> (pack: ObjectID, blob: PackedBlob) {
        let loader = BlobLoader(store: bench.store, key: bench.repository.key, index: index)
        var pending = [try snapshot.treeID()]
        while let id = pending.popLast() {
            for node in try await loader.loadTree(id).nodes {
                if let subtree = node.subtree { pending.append(subtree) }
                if node.name == FileName(name), let content = node.content?.first {
                    return try #require(index.locations(of: BlobKey(kind: .data, id: content)).first)
                }
            }
        }
        throw ResticRig.Failure(description: "no \(name) in the snapshot")
    }

    @Test func anotherCopyOfADamagedBlobStandsIn() async throws {
        let bench = try await Bench()
        let source = try source(bench)
        let report = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h"))
        let first = try await bench.repository.loadIndex()
        let place = try await located("one", below: report.snapshot, bench, first)
        // Without its index the repository looks empty, so the same data is stored again.
        try FileManager.default.moveItem(atPath: bench.folder("repo/index"), toPath: bench.folder("aside"))
        try FileManager.default.createDirectory(atPath: bench.folder("repo/index"), withIntermediateDirectories: true)
        _ = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h", parent: .none))
        for name in try FileManager.default.contentsOfDirectory(atPath: bench.folder("aside")) {
            try FileManager.default.moveItem(atPath: bench.folder("aside/" + name), toPath: bench.folder("repo/index/" + name))
        }
        try flip(bench.folder("repo/" + ObjectNames.pack(place.pack).text), at: Int(place.blob.offset) + 100)
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out")))
        #expect(restored.failures.isEmpty)
        try Bench.expectEqual(source, bench.folder("out") + source)
        let check = try await bench.repository.check(CheckOptions(read: .all))
        #expect(check.damagedPacks == [place.pack.hex] && check.damagedBlobs.isEmpty)
        // A prune takes the good copy and throws the damaged pack away.
        _ = try await bench.repository.prune(PruneOptions(maximumUnused: nil))
        let after = try await bench.repository.check(CheckOptions(read: .all))
        #expect(after.problems.isEmpty, "\(after.problems)")
        try await bench.restic.succeed("check", "--read-data")
    }

    @Test func truncatedObjectsAreNamed() async throws {
        let bench = try await Bench()
        let source = try source(bench)
        let report = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h"))
        let largest = try #require(try await packs(bench).first)
        let path = bench.folder("repo/" + ObjectNames.pack(largest.id).text)
        chmod(path, 0o600)
        truncate(path, off_t(largest.size - 100))
        let check = try await bench.repository.check()
        #expect(check.damagedPacks == [largest.id.hex])
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out")))
        #expect(restored.failures.isEmpty, "the header is cut, the blobs are whole")
        truncate(path, 1000)
        let second = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out2")))
        #expect(second.failures.contains { $0.path == TreePath(source + "/one") && $0.error.code == "damaged" })
        let index = try #require(try await bench.store.listIDs(ObjectNames.index).first)
        try flip(bench.folder("repo/index/\(index.id.hex)"), at: 40)
        let error = try await #require(throws: RepositoryError.self) {
            _ = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h"))
        }
        #expect(error.code == "damaged" && error.location.contains(index.id.hex))
    }

    @Test func aDamagedSnapshotHidesNoOtherAndStopsAPrune() async throws {
        let bench = try await Bench()
        let reader = FolderReader(try source(bench))
        let good = try await bench.repository.archive(reader, ArchiveOptions(host: "h")).snapshot
        let bad = try await bench.repository.archive(reader, ArchiveOptions(host: "h")).snapshot
        try flip(bench.folder("repo/snapshots/\(bad.id)"), at: 30)
        #expect(try await bench.repository.snapshots() == [good])
        #expect(try await bench.repository.archive(reader, ArchiveOptions(host: "h")).snapshot.parent == good.id)
        let check = try await bench.repository.check()
        #expect(check.problems.contains { $0.severity == .damage && $0.error.location.contains(bad.id) })
        let error = try await #require(throws: RepositoryError.self) { try await bench.repository.prune() }
        #expect(error.code == "damaged" && error.location.contains(bad.id))
        try await bench.repository.forget([bad.id])
        _ = try await bench.repository.prune()
        try await bench.restic.succeed("check", "--read-data")
    }

    @Test func filesThatVanishOrMayNotBeReadAreReportedAndTheRestIsKept() async throws {
        let bench = try await Bench()
        let source = try source(bench)
        let reader = FolderReader(source) { path in
            if path == TreePath("one") { unlink(source + "/one") }
            if path == TreePath("two") {
                throw StorageError(.accessDenied, expected: "a readable file", found: "Permission denied", at: source + "/two")
            }
        }
        let report = try await bench.repository.archive(reader, ArchiveOptions(host: "h"))
        #expect(report.failures.map(\.path) == [TreePath("one"), TreePath("two")])
        #expect(report.failures.map(\.error.kind) == [.notFound, .accessDenied])
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out")))
        #expect(restored.files == 1 && restored.failures.isEmpty)
        try await bench.restic.succeed("check", "--read-data")
    }

    @Test func aFileThatChangesWhileReadIsKeptAsReadAndReported() async throws {
        let bench = try await Bench()
        let source = try source(bench)
        let reader = FolderReader(
            source,
            reading: { path in
                guard path == TreePath("two") else { return }
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: source + "/two"))
                try handle.seekToEnd()
                try handle.write(contentsOf: [1, 2, 3])
                try handle.close()
            })
        let report = try await bench.repository.archive(reader, ArchiveOptions(host: "h"))
        #expect(report.failures.map(\.path) == [TreePath("two")] && report.failures.first?.error.kind == .changed)
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("out")))
        #expect(restored.failures.isEmpty && restored.files == 3)
        #expect(FileManager.default.contentsEqual(atPath: source + "/two", andPath: bench.folder("out") + source + "/two"))
    }

    @Test func anErrorThatIsNotOfTheSourceEndsTheRun() async throws {
        struct Surprise: Error {}
        let bench = try await Bench()
        let reader = FolderReader(try source(bench)) { path in if path == TreePath("two") { throw Surprise() } }
        await #expect(throws: Surprise.self) { try await bench.repository.archive(reader, ArchiveOptions(host: "h")) }
        #expect(try await bench.repository.snapshots().isEmpty)
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
    }

    /// A file-size limit is a full disk that needs no privileges; a full tmpfs is tried as well.
    @Test func aFullDiskWhilePackingIsSaidAndTheRepositoryStaysGood() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let bench = try await Bench()
            try bench.folder.write("source/big", noise(24_000_000, seed: 3))
            try bench.folder.write("source/small", "small")
            let reader = FolderReader(bench.folder("source"))
            var limit = rlimit(rlim_cur: 6 << 20, rlim_max: .max)
            setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
            let error = try await #require(throws: StorageError.self) {
                try await bench.repository.archive(reader, ArchiveOptions(host: "h"))
            }
            #expect(error.kind == .noSpace && error.advice.contains("free space"))
            limit.rlim_cur = .max
            setrlimit(__rlimit_resource_t(1), &limit)
            try await bench.restic.succeed("check", "--read-data")
            #expect(try await bench.repository.snapshots().isEmpty)
            _ = try await bench.repository.archive(reader, ArchiveOptions(host: "h"))
            try await bench.restic.succeed("check", "--read-data")
            try await SmallDiskRig.with(megabytes: 12) { try await FaultTests.fill($0, reader) }
            try FileManager.default.removeItem(atPath: bench.folder.path)  // a child ends without releasing anything
        }
    }

    private static func fill(_ folder: String, _ reader: FolderReader) async throws {
        let repository = try await Repository.create(on: LocalStore(path: folder), password: [1])
        let error = try await #require(throws: StorageError.self) { try await repository.archive(reader, ArchiveOptions(host: "h")) }
        #expect(error.kind == .noSpace)
        let check = try await repository.check(CheckOptions(read: .all))
        #expect(check.isSound)
    }
}
