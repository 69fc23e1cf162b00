import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Damage put right as far as it can be; stock restic says whether it was.
@Suite struct RepairTests {
    private func filled() async throws -> (bench: Bench, snapshot: Snapshot) {
        let bench = try await Bench()
        for number in 0..<6 {
            try bench.folder.write("source/folder\(number % 2)/\(number)", noise(900_000, seed: UInt64(number + 1)))
        }
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        try bench.folder.write("source/later", noise(300_000, seed: 77))
        _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        return (bench, report.snapshot)
    }

    private func files(_ bench: Bench, _ folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: bench.folder("repo/\(folder)")).filter {
            $0.split(separator: "/").last?.count == 64
        }
        .map { bench.folder("repo/\(folder)/\($0)") }.sorted()
    }

    private func flip(_ path: String, at position: Int) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[position < 0 ? bytes.count + position : position] ^= 0x10
        chmod(path, 0o600)
        try FileManager.default.removeItem(atPath: path)
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    private func restored(_ bench: Bench) async throws {
        try await bench.restic.succeed("check", "--read-data")
        try await bench.restic.succeed("restore", "latest", "--target", bench.folder("out"))
        try Bench.expectEqual(bench.folder("source"), bench.folder("out") + bench.folder("source"))
    }

    @Test func anIndexIsMadeFromThePacks() async throws {
        let (bench, _) = try await filled()
        let packs = try files(bench, "data").count
        // Nothing is wrong: nothing is done.
        let idle = try await bench.repository.repairIndex()
        #expect(idle.indexesReplaced == 0 && idle.packs == packs)
        for index in try files(bench, "index") { try FileManager.default.removeItem(atPath: index) }
        let planned = try await bench.repository.repairIndex(dryRun: true)
        #expect(planned.packsAdded == packs)
        #expect(try files(bench, "index").isEmpty)
        #expect(try await bench.repository.repairIndex().packsAdded == packs)
        try await restored(bench)
    }

    @Test func aDamagedIndexIsReplaced() async throws {
        let (bench, _) = try await filled()
        try flip(try #require(try files(bench, "index").first), at: 40)
        let report = try await bench.repository.repairIndex()
        #expect(report.indexesDamaged == 1 && report.packsAdded > 0 && report.packsUnreadable.isEmpty)
        try await restored(bench)
    }

    @Test func everyHeaderIsReadWhenNoIndexIsTrusted() async throws {
        let (bench, _) = try await filled()
        // An index that is well made and wrong: two blobs change places.
        let id = try #require(try await bench.store.listIDs(ObjectNames.index).map(\.id).first)
        var file = try IndexFile(decoding: try await bench.repository.files.load(ObjectNames.index, id), at: "index")
        let pack = try #require(file.packs.firstIndex { $0.blobs.count > 1 })
        let (one, other) = (file.packs[pack].blobs[0].key, file.packs[pack].blobs[1].key)
        (file.packs[pack].blobs[0].key, file.packs[pack].blobs[1].key) = (other, one)
        try await bench.store.delete(ObjectName(ObjectNames.index + id.hex))
        try await bench.repository.files.save(ObjectNames.index, file.encoded)
        #expect(try await bench.repository.repairIndex().indexesReplaced == 0)
        #expect(try await bench.repository.repairIndex(readingEveryPack: true).packsAdded == 1)
        try await restored(bench)
    }

    @Test func aRepairThatIsCutOffHarmsNothing() async throws {
        for step in 0..<6 {
            let (bench, _) = try await filled()
            try flip(try #require(try files(bench, "index").last), at: 40)
            let broken = try await Repository.open(TamperedStore(bench.store, breaksAfter: step), password: Array(Bench.password.utf8))
            _ = try? await broken.repairIndex()
            _ = try await bench.repository.removeLocks(all: true)
            _ = try await bench.repository.repairIndex()
            try await restored(bench)
        }
    }

    @Test func whatIsLostIsNamedAndTheRestIsKept() async throws {
        let (bench, snapshot) = try await filled()
        // The largest pack is gone.
        let largest = try #require(
            try files(bench, "data").max {
                let (one, other) = (
                    try FileManager.default.attributesOfItem(atPath: $0), try FileManager.default.attributesOfItem(atPath: $1)
                )
                return (one[.size] as? Int ?? 0) < (other[.size] as? Int ?? 0)
            })
        try FileManager.default.removeItem(atPath: largest)
        #expect(try await bench.repository.repairIndex().packsDropped.count == 1)
        let all = try await bench.repository.snapshots()
        let planned = try await bench.repository.repairSnapshots(all, dryRun: true)
        #expect(planned.allSatisfy { !$0.isWhole && $0.repaired == nil })
        // Twice, as somebody does who looks first: one repaired snapshot each.
        let kept = try await bench.repository.repairSnapshots(all)
        let reports = try await bench.repository.repairSnapshots(all, forget: true)
        #expect(reports.map(\.repaired?.id) == kept.map(\.repaired?.id))
        #expect(try await bench.repository.snapshots().count == all.count)
        let lost = Set(reports.flatMap(\.incomplete).map { $0.parts.last?.description ?? "" })
        #expect(!lost.isEmpty && reports.allSatisfy { $0.emptied.isEmpty })
        #expect(reports.first { $0.snapshot.id == snapshot.id }?.repaired?.original == snapshot.id)
        try await bench.restic.succeed("check", "--read-data")
        let listing = try await bench.restic.succeed("ls", "latest")
        for name in lost { #expect(listing.contains("/\(name).incomplete\n") && !listing.contains("/\(name)\n")) }
        #expect(try await bench.repository.snapshots().allSatisfy { $0.tags == ["repaired"] })
        // A backup stores again what the source still has.
        _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        try await restored(bench)
    }

    @Test func aLostTreeLeavesAnEmptyFolder() async throws {
        let (bench, _) = try await filled()
        let latest = try #require(try await bench.repository.snapshots().last)
        let loader = BlobLoader(store: bench.store, key: bench.repository.key, index: try await bench.repository.loadIndex())
        let folder = try #require(
            try await bench.repository.browser().entry(TreePath(bench.folder("source/folder1")), of: latest)?.node.subtree)
        let place = try #require(loader.index.locations(of: BlobKey(kind: .tree, id: folder)).first)
        try flip(bench.folder("repo/\(ObjectNames.pack(place.pack))"), at: Int(place.blob.offset) + 20)
        let check = try await bench.repository.check(CheckOptions(read: .all))
        #expect(check.damagedPacks == [place.pack.hex])
        let packs = try await bench.repository.repairPacks([place.pack.hex])
        #expect(packs.blobsLost == [folder.hex] && packs.blobsSaved > 0)
        let report = try await bench.repository.repairSnapshots([latest], forget: true)
        #expect(report.first?.emptied.map { $0.parts.last?.description } == ["folder1"])
        let listing = try await bench.restic.succeed("ls", "latest")
        #expect(listing.contains("/folder1\n") && !listing.contains("/folder1/"))
    }

    @Test func aDamagedPacksWholeBlobsAreSaved() async throws {
        let (bench, _) = try await filled()
        let pack = try #require(try await bench.repository.loadPacks().max { $0.blobs.count < $1.blobs.count })
        let blob = try #require(pack.blobs.last)
        try flip(bench.folder("repo/\(ObjectNames.pack(pack.id))"), at: Int(blob.offset) + 16)
        await #expect(throws: RepositoryError.self) { try await bench.repository.repairPacks([String(repeating: "0", count: 64)]) }
        let report = try await bench.repository.repairPacks([pack.id.hex])
        #expect(report.blobsSaved == pack.blobs.count - 1 && report.blobsLost == [blob.key.id.hex] && report.packsRemoved == 1)
        _ = try await bench.repository.repairSnapshots(try await bench.repository.snapshots(), forget: true)
        try await bench.restic.succeed("check", "--read-data")
    }
}

extension Repository {
    fileprivate func loadPacks() async throws -> [IndexedPack] {
        var packs: [IndexedPack] = []
        let ids = try await store.listIDs(ObjectNames.index).map(\.id)
        try await files.loadAll(ObjectNames.index, ids) { id, json in packs += try IndexFile(decoding: json, at: "index").packs }
        return packs
    }
}
