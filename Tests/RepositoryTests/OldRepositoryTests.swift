import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// What older programs, and two at once, leave in a repository: everything works on it, and a prune puts it right.
@Suite struct OldRepositoryTests {
    enum Oddity: CaseIterable, Sendable {
        /// Trees and data in one pack, as restic before 0.8 wrote them.
        case mixedPack
        /// Every blob twice, in two packs.
        case duplicateBlobs
        /// Each pack in two index files.
        case repeatedIndex
        /// A pack in no index.
        case unreferencedPack
    }

    @Test(arguments: Oddity.allCases, [1, 2]) func everythingWorksOnIt(_ oddity: Oddity, version: Int) async throws {
        let folder = try Folder()
        let restic = try ResticRig(repository: folder("repo"), password: "pw", cache: folder("cache"))
        try await restic.succeed("init", "--repository-version", "\(version)")
        try InteroperabilityTests.fill(folder, "source")
        try await restic.succeed("backup", "--host", "h", folder("source"))
        let repository = try await Repository.open(LocalStore(path: folder("repo")), password: Array("pw".utf8))
        try await make(oddity, in: repository)

        #expect(try await repository.check(CheckOptions(read: .all)).isSound)
        let snapshot = try #require(try await repository.snapshots().last)
        #expect(try await repository.restore(snapshot, to: FolderWriter(folder("out"))).failures.isEmpty)
        try Bench.expectEqual(folder("source"), folder("out") + folder("source"))
        let again = try await repository.archive(FolderReader(folder("source")), ArchiveOptions(host: "h"))
        #expect(again.summary.filesNew == 0 && again.summary.dataBlobs == 0)
        #expect(try await repository.repairIndex().packsUnreadable.isEmpty)
        _ = try await repository.prune()
        let output = try await restic.succeed("check", "--read-data")
        #expect(!output.contains("contained in several indexes") && !output.contains("not referenced"), "\(output)")
        // After the prune it is as if we had written it: one kind a pack, each once.
        let after = try await repository.check(CheckOptions(read: .all))
        #expect(after.problems.isEmpty, "\(after.problems)")
        try await restic.succeed("restore", "latest", "--target", folder("last"))
        try Bench.expectEqual(folder("source"), folder("last") + folder("source"))
    }

    private func make(_ oddity: Oddity, in repository: Repository) async throws {
        let files = repository.files
        let ids = try await repository.store.listIDs(ObjectNames.index).map(\.id)
        var packs: [IndexedPack] = []
        try await files.loadAll(ObjectNames.index, ids) { _, json in packs += try IndexFile(decoding: json, at: "index").packs }
        func sealedBlobs() async throws -> [(bytes: [UInt8], blob: PackedBlob)] {
            var all: [(bytes: [UInt8], blob: PackedBlob)] = []
            for pack in packs {
                for blob in pack.blobs { all.append((try await files.store.get(ObjectNames.pack(pack.id), range: blob.range), blob)) }
            }
            return all
        }
        func copy(_ blobs: [(bytes: [UInt8], blob: PackedBlob)]) async throws -> IndexedPack {
            let builder = PackBuilder()
            for (bytes, blob) in blobs { bytes.withUnsafeBytes { builder.add(sealed: $0, blob) } }
            let pack = builder.finish(Sealer(repository.key))
            try await files.store.put(ObjectNames.pack(pack.index.id), pack.bytes)
            return pack.index
        }
        switch oddity {
        case .mixedPack:
            let mixed = try await copy(try await sealedBlobs())
            try await files.save(ObjectNames.index, IndexFile(packs: [mixed]).encoded)
            try await files.store.deleteAll(ids.map { ObjectName(ObjectNames.index + $0.hex) })
            try await files.store.deleteAll(packs.map { ObjectNames.pack($0.id) })
        case .duplicateBlobs:
            for kind in [BlobKind.data, .tree] {
                let twice = try await copy(try await sealedBlobs().filter { $0.blob.key.kind == kind }.reversed())
                try await files.save(ObjectNames.index, IndexFile(packs: [twice]).encoded)
            }
        case .repeatedIndex:
            try await files.save(ObjectNames.index, IndexFile(packs: packs).encoded)
        case .unreferencedPack:
            _ = try await copy(Array(try await sealedBlobs().filter { $0.blob.key.kind == .data }.dropFirst()))
        }
    }

    /// Two of us, restic, and somebody who prunes, all at once on one repository.
    @Test func writersAndAPrunerDoEachOtherNoHarm() async throws {
        let bench = try await Bench()
        for number in 0..<4 { try bench.folder.write("first/\(number)", noise(400_000, seed: UInt64(number))) }
        for number in 0..<4 { try bench.folder.write("second/\(number)", noise(400_000, seed: UInt64(number + 2))) }
        for number in 0..<4 { try bench.folder.write("third/\(number)", noise(400_000, seed: UInt64(number + 9))) }
        _ = try await bench.repository.archive(FolderReader(bench.folder("first")), ArchiveOptions(host: "gone"))
        let patient = LockPatience(limit: .seconds(120)) { _ in }
        func open() async throws -> Repository {
            try await Repository.open(bench.store, password: Array(Bench.password.utf8), patience: patient)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (name, host) in [("first", "one"), ("second", "two")] {
                group.addTask {
                    let repository = try await open()
                    for _ in 0..<3 { _ = try await repository.archive(FolderReader(bench.folder(name)), ArchiveOptions(host: host)) }
                }
            }
            var options = PruneOptions()
            options.mayEmpty = true  // the writers' first packs come before their first snapshots
            group.addTask { [options] in
                let repository = try await open()
                for _ in 0..<3 {
                    let all = try await repository.snapshots()
                    try await repository.forget(all.filter { $0.hostname == "gone" }.map(\.id))
                    _ = try await repository.prune(options)
                }
            }
            group.addTask {
                // restic 0.14 does not wait for locks.
                try await eventually("restic has its lock, and copies", within: .seconds(120), every: .milliseconds(200)) {
                    try await bench.restic.run(["backup", "--host", "three", bench.folder("third")]).status == 0
                }
            }
            try await group.waitForAll()
        }
        try await bench.restic.succeed("check", "--read-data")
        let snapshots = try await bench.repository.snapshots()
        #expect(snapshots.filter { $0.hostname == "gone" }.isEmpty)
        for (host, name) in [("one", "first"), ("two", "second"), ("three", "third")] {
            let newest = try #require(snapshots.last { $0.hostname == host })
            #expect(try await bench.repository.restore(newest, to: FolderWriter(bench.folder("out-\(host)"))).failures.isEmpty)
            try Bench.expectEqual(bench.folder(name), bench.folder("out-\(host)") + bench.folder(name))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder("repo/locks")).isEmpty)
    }
}
