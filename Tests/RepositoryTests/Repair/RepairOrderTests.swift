import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Repairs in whatever order: what could be restored before can be restored after, and what is whole in a damaged pack is saved.
@Suite struct RepairOrderTests {
    /// Bytes at the end of one pack and no header on another: every blob of both is whole.
    private func withoutHeaders(_ bench: Bench) async throws -> (spoiled: Spoiled, packs: [String]) {
        let spoiled = try await Spoiled(bench)
        let packs = try await spoiled.packs()
        let data = packs.filter { $0.blobs.contains { $0.key.kind == .data } }.map(\.id)
        try spoiled.change(ObjectNames.pack(data[0])) { $0 += [1, 2, 3, 4, 5] }
        let header = try spoiled.headerBytes(ObjectNames.pack(data[1]))
        try spoiled.change(ObjectNames.pack(data[1])) { $0.removeLast(header) }
        return (spoiled, data.prefix(2).map(\.hex).sorted())
    }

    @Test(arguments: [
        ["packs", "index"], ["index", "packs"], ["index", "index", "snapshots", "packs", "index"], ["snapshots", "index", "packs"],
    ])
    func anyOrderSavesEverything(order: [String]) async throws {
        let bench = try await Spoiled.template()
        let (spoiled, damaged) = try await withoutHeaders(bench)
        let before = try await spoiled.restorable()
        #expect(before.count > 20)
        for step in order {
            switch step {
            case "packs":
                let report = try await spoiled.repository.repairPacks(damaged)
                #expect(report.blobsLost.isEmpty && report.packsRemoved == 2)
            case "index": _ = try await spoiled.repository.repairIndex()
            default: _ = try await spoiled.repository.repairSnapshots(try await spoiled.repository.snapshots(), forget: true)
            }
            #expect(try await spoiled.restorable() == before, "after \(step) of \(order)")
        }
        #expect(try await spoiled.repository.check(CheckOptions(read: .all)).isSound)
        try await ResticRig(repository: spoiled.folder("repo"), password: Bench.password, cache: spoiled.folder("cache"))
            .succeed("check", "--read-data")
    }

    /// Two packs that lie under each other's names, by whatever they were moved.
    @Test func packsUnderEachOthersNamesAreSaved() async throws {
        let bench = try await Spoiled.template()
        let whole = try await Spoiled(bench).restorable()
        let spoiled = try await Spoiled(bench)
        let data = try await spoiled.packs().filter { $0.blobs.contains { $0.key.kind == .data } }.map(\.id)
        try spoiled.swap(ObjectNames.pack(data[1]), ObjectNames.pack(data[2]))
        let report = try await spoiled.repository.repairPacks([data[1].hex, data[2].hex])
        #expect(report.blobsLost.isEmpty)
        #expect(try await spoiled.restorable() == whole)
        #expect(try await spoiled.repository.check(CheckOptions(read: .all)).isSound)
    }

    /// A store that does not answer has lost nothing.
    @Test func aPackThatCannotBeReadNowIsNotGivenUp() async throws {
        let bench = try await Spoiled.template()
        let spoiled = try await Spoiled(bench)
        let before = try await spoiled.restorable()
        let pack = try #require(try await spoiled.packs().first)
        let away = spoiled.repository.reading(AwayStore(base: spoiled.store, name: ObjectNames.pack(pack.id)))
        await #expect(throws: StorageError.self) { try await away.repairPacks([pack.id.hex]) }
        #expect(try await spoiled.restorable() == before)
        #expect(try await spoiled.repository.check(CheckOptions(read: .all)).isSound)
    }

    /// A blob that another pack is said to hold, and does not, is saved from the damaged one that has it.
    @Test func anotherPacksWordIsNoReasonToLetABlobGo() async throws {
        let bench = try await Spoiled.template()
        let spoiled = try await Spoiled(bench)
        let before = try await spoiled.restorable()
        let packs = try await spoiled.packs().filter { $0.blobs.contains { $0.key.kind == .data } }
        // An index that lists the pack's blobs a second time, in a pack that is not there.
        let ghost = IndexedPack(id: SHA256.digest([9]), blobs: packs[0].blobs)
        try await spoiled.repository.files.save(ObjectNames.index, IndexFile(packs: [ghost]).encoded)
        try spoiled.change(ObjectNames.pack(packs[0].id)) { $0 += [1, 2, 3, 4, 5] }
        #expect(try await spoiled.restorable() == before)
        _ = try await spoiled.repository.repairPacks([packs[0].id.hex])
        #expect(try await spoiled.restorable() == before)
    }

    /// What a lost index knew is looked for before a snapshot gives it up.
    @Test func snapshotsGiveNothingUpThatAnIndexWouldBringBack() async throws {
        let bench = try await Spoiled.template()
        let spoiled = try await Spoiled(bench)
        let before = try await spoiled.restorable()
        let snapshots = try await spoiled.repository.snapshots().map(\.id)
        try spoiled.remove(ObjectName(ObjectNames.index + (try await spoiled.ids(ObjectNames.index))[0].hex))
        let error = await #expect(throws: RepositoryError.self) {
            try await spoiled.repository.repairSnapshots(try await spoiled.repository.snapshots(), forget: true)
        }
        #expect(error?.advice.contains("repository repair index") == true)
        #expect(try await spoiled.repository.snapshots().map(\.id) == snapshots)
        _ = try await spoiled.repository.repairIndex()
        #expect(try await spoiled.restorable() == before)
    }

    /// Two indexes that say different things of a pack: a prune would have believed either.
    @Test func aPruneDoesNotChooseBetweenIndexes() async throws {
        let bench = try await Spoiled.template()
        for flip in [false, true] {
            let spoiled = try await Spoiled(bench)
            let before = try await spoiled.restorable()
            var pack = try #require(try await spoiled.packs().first { $0.blobs.count > 1 && $0.blobs[0].key.kind == .data })
            let (one, other) = (pack.blobs[0].key, pack.blobs[1].key)
            (pack.blobs[0].key, pack.blobs[1].key) = (other, one)
            if flip {
                // As the only word: whoever moves the blobs has to look at them.
                for id in try await spoiled.ids(ObjectNames.index) {
                    let packs = try IndexFile(decoding: try await spoiled.repository.files.load(ObjectNames.index, id), at: "index").packs
                    guard packs.contains(where: { $0.id == pack.id }) else { continue }
                    try spoiled.remove(ObjectName(ObjectNames.index + id.hex))
                    try await spoiled.repository.files.save(
                        ObjectNames.index, IndexFile(packs: packs.filter { $0.id != pack.id } + [pack]).encoded)
                }
            } else {
                try await spoiled.repository.files.save(ObjectNames.index, IndexFile(packs: [pack]).encoded)
            }
            // A part of the pack is not used any more: the rest would move.
            for old in try await spoiled.repository.snapshots().dropLast() {
                try spoiled.remove(ObjectName(ObjectNames.snapshots + old.id))
            }
            do { _ = try await spoiled.repository.prune(PruneOptions(maximumUnused: nil)) } catch let error as RepositoryError {
                #expect(error.kind == .damaged)
            }
            _ = try await spoiled.repository.repairIndex(readingEveryPack: true)
            let after = try await spoiled.restorable()
            #expect(before.filter { entry in after.keys.contains { $0.prefix(8) == entry.key.prefix(8) } } == after)
            #expect(try await spoiled.repository.check(CheckOptions(read: .all)).isSound)
        }
    }
}

/// A store of which one object can't be reached for the moment.
private struct AwayStore: ObjectStore {
    let base: LocalStore
    let name: ObjectName

    private func require(_ name: ObjectName) throws {
        guard name != self.name else {
            throw StorageError(.unavailable, expected: "an answer", found: "none", at: name.text, retry: .transient)
        }
    }

    var properties: ObjectStoreProperties { base.properties }
    func create() async throws { try await base.create() }
    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws { try await base.put(name, bytes) }
    func delete(_ name: ObjectName) async throws { try await base.delete(name) }
    func get(_ name: ObjectName) async throws -> [UInt8] {
        try require(name)
        return try await base.get(name)
    }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        try require(name)
        return try await base.get(name, range: range)
    }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await base.list(prefix: prefix, page)
    }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
}
