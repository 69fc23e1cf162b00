import Crypto
import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Synchronization
import Testing

/// Cut off at any store operation, a repository stays one that restic accepts; what a checkpoint covered is found again.
@Suite struct CrashTests {
    private func copy(_ bench: Bench, _ name: String) throws -> (store: LocalStore, restic: ResticRig) {
        try FileManager.default.copyItem(atPath: bench.folder("repo"), toPath: bench.folder(name))
        return (
            LocalStore(path: bench.folder(name)),
            try ResticRig(repository: bench.folder(name), password: Bench.password, cache: bench.folder("cache-" + name))
        )
    }

    @Test func aPruneCutOffAnywhereLeavesAGoodRepository() async throws {
        let bench = try await Bench()
        for round in 0..<4 {
            try bench.folder.write("source/a", noise(700_000, seed: UInt64(round + 1)))
            try bench.folder.write("source/b\(round)", Bench.text(50_000, seed: round))
            _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        }
        let snapshots = try await bench.repository.snapshots()
        try await bench.repository.forget([snapshots[0].id, snapshots[2].id])
        let options = PruneOptions(maximumUnused: nil)
        let whole = try copy(bench, "whole")
        let counting = TamperedStore(whole.store)
        let report = try await Repository.open(counting, password: Array(Bench.password.utf8)).prune(options)
        #expect(report.packsRepacked > 0 && report.packsRemoved > 0 && report.bytesReclaimed > 1_000_000, "\(report)")
        try await whole.restic.succeed("check", "--read-data")
        // New packs, their index, then the old indexes, then the old packs.
        let stages = counting.changes.filter { !$0.contains("locks") }.map { String($0.prefix(6)) }
        #expect(stages == ["+data/", "+index", "-index", "-data/"].flatMap { stage in stages.filter { $0 == stage } }, "\(stages)")
        // The last change removes our lock; failing there is no failure of the prune.
        for calls in 1..<counting.changes.count - 1 {
            let cut = try copy(bench, "cut\(calls)")
            let repository = try await Repository.open(TamperedStore(cut.store, breaksAfter: calls), password: Array(Bench.password.utf8))
            await #expect(throws: (any Error).self, "after \(calls) changes") { try await repository.prune(options) }
            let fresh = try await Repository.open(cut.store, password: Array(Bench.password.utf8))
            _ = try await fresh.removeLocks(all: true)
            let check = try await fresh.check(CheckOptions(read: .all))
            #expect(check.isSound && check.snapshots == 2, "after \(calls) changes: \(check.problems)")
            // The judge is slow: it looks at the ends of each stage.
            if calls % 4 == 0 || calls == counting.changes.count - 2 { try await cut.restic.succeed("check", "--read-data") }
            _ = try await fresh.prune(options)
            let again = try await fresh.check(CheckOptions(read: .all))
            #expect(again.problems.isEmpty, "pruned again after \(calls): \(again.problems)")
            try FileManager.default.removeItem(atPath: bench.folder("cut\(calls)"))
        }
    }

    @Test func anArchiveCutOffAnywhereLeavesAGoodRepository() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/a", noise(20_000_000, seed: 1))
        try bench.folder.write("source/sub/b", Bench.text(500_000, seed: 2))
        let reader = FolderReader(bench.folder("source"))
        for calls in 1...6 {
            let cut = try copy(bench, "cut\(calls)")
            let repository = try await Repository.open(TamperedStore(cut.store, breaksAfter: calls), password: Array(Bench.password.utf8))
            let report = try? await repository.archive(reader, ArchiveOptions(host: "h"))
            let fresh = try await Repository.open(cut.store, password: Array(Bench.password.utf8))
            #expect(try await fresh.snapshots().map(\.id) == (report.map { [$0.snapshot.id] } ?? []))
            _ = try await fresh.removeLocks(all: true)
            #expect(try await fresh.check(CheckOptions(read: .all)).isSound)
            try await cut.restic.succeed("check", "--read-data")
        }
    }

    @Test func whatACheckpointCoveredIsNotStoredAgain() async throws {
        let bench = try await Bench()
        for number in 0..<12 { try bench.folder.write("source/\(number)", noise(4_000_000, seed: UInt64(number + 1))) }
        let covered = Mutex<Set<BlobKey>>([])
        let checkpointed = AsyncStream<Void>.makeStream()
        let gate = DispatchSemaphore(value: 0)
        // The source stalls before its last file until the checkpoint was made and the copy cancelled.
        let reader = FolderReader(bench.folder("source"), opening: { if $0 == TreePath("9") { gate.wait() } })
        var options = ArchiveOptions(host: "h")
        options.checkpointBytes = .mebibytes(8)
        options.checkpoint = { _ in
            let loaded = try await bench.repository.loadIndexedPacks()
            covered.withLock { $0.formUnion(loaded.flatMap { $0.blobs.map(\.key) }) }
            checkpointed.continuation.yield()
        }
        let chosen = options
        let first = Task { try await bench.repository.archive(reader, chosen) }
        for await _ in checkpointed.stream { break }
        first.cancel()
        gate.signal()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(try await bench.repository.snapshots().isEmpty)
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
        try await bench.restic.succeed("check", "--read-data")
        let before = covered.withLock { $0 }
        #expect(before.count > 5)

        let known = Set(try await bench.repository.loadIndexedPacks().map(\.id))
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        let added = try await bench.repository.loadIndexedPacks().filter { !known.contains($0.id) }.flatMap { $0.blobs.map(\.key) }
        #expect(before.isDisjoint(with: added) && report.summary.dataAdded < 42_000_000)
        try await bench.restic.succeed("check", "--read-data")
        try await bench.restic.succeed("restore", "latest", "--target", bench.folder("out"))
        try Bench.expectEqual(bench.folder("source"), bench.folder("out") + bench.folder("source"))
    }
}

extension Repository {
    /// What the index files list.
    func loadIndexedPacks() async throws -> [IndexedPack] {
        var packs: [IndexedPack] = []
        let ids = try await store.listIDs(ObjectNames.index).map(\.id)
        try await files.loadAll(ObjectNames.index, ids) { id, json in packs += try IndexFile(decoding: json, at: "index/\(id)").packs }
        return packs
    }
}
