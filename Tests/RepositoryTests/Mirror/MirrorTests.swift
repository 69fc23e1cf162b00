import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Testing

/// A repository in two stores: each is the whole of it, judged by restic, and either may go.
@Suite struct MirrorTests {
    /// Two folders, and restic looking at each.
    private struct Pair {
        let folder: Folder
        let first: LocalStore
        let second: LocalStore
        let events = Collected<RetryEvent>()
        static let password = Array("geheim".utf8)

        init() throws {
            folder = try Folder()
            first = LocalStore(path: folder("first"))
            second = LocalStore(path: folder("second"))
            for number in 0..<20 { try folder.write("source/\(number)", noise(50_000 + number, seed: UInt64(number + 1))) }
        }

        private var retries: StoreRetries {
            StoreRetries(limit: .milliseconds(1), attempts: 2, pause: .microseconds(100)) { [events] in events.append($0) }
        }

        func create(_ second: (any ObjectStore)? = nil) async throws -> Repository {
            try await Repository.create(
                on: first, password: Self.password, retries: retries, mirror: AccessedStore(second ?? self.second, retries: retries))
        }

        func open(_ first: (any ObjectStore)? = nil, _ second: (any ObjectStore)? = nil) async throws -> Repository {
            try await Repository.open(
                first ?? self.first, password: Self.password, retries: retries,
                mirror: AccessedStore(second ?? self.second, retries: retries))
        }

        func copy(_ repository: Repository) async throws -> Snapshot {
            let report = try await repository.archive(FolderReader(folder("source")), ArchiveOptions(host: "h"))
            #expect(report.failures.isEmpty)
            return report.snapshot
        }

        func restic(_ name: String) throws -> ResticRig {
            try ResticRig(repository: folder(name), password: "geheim", cache: folder("cache-\(name)"))
        }

        func expectRestored(_ snapshot: Snapshot, by repository: Repository, _ name: String) async throws {
            let report = try await repository.restore(snapshot, to: FolderWriter(folder(name)))
            #expect(report.failures.isEmpty, "\(report.failures)")
            try Bench.expectEqual(folder("source"), folder(name) + folder("source"))
        }

        func objects(_ name: String) -> Set<String> {
            let all = FileManager.default.enumerator(atPath: folder(name))?.compactMap { $0 as? String } ?? []
            return Set(all.filter { $0 == "config" || ($0 as NSString).lastPathComponent.count == 64 })
        }

        /// The only pack of data.
        func spoilPack(_ name: String) throws {
            let packs = objects(name).filter { $0.hasPrefix("data/") }
            for pack in packs {
                let path = folder("\(name)/\(pack)")
                var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                for index in stride(from: 10, to: bytes.count, by: 1000) { bytes[index] ^= 1 }
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                try bytes.write(to: URL(fileURLWithPath: path))
            }
        }
    }

    @Test func eachStoreIsTheWholeRepository() async throws {
        let pair = try Pair()
        let repository = try await pair.create()
        let one = try await pair.copy(repository)
        try pair.folder.write("source/more", noise(70_000, seed: 99))
        let two = try await pair.copy(repository)
        #expect(pair.objects("first") == pair.objects("second") && pair.objects("first").contains("config"))
        for name in ["first", "second"] {
            let restic = try pair.restic(name)
            try await restic.succeed("check", "--read-data")
            try await restic.succeed("restore", two.id, "--target", pair.folder("by-restic-\(name)"))
            try Bench.expectEqual(pair.folder("source"), pair.folder("by-restic-\(name)") + pair.folder("source"))
        }
        #expect(try await repository.check(CheckOptions(read: .all)).isSound)
        // What goes goes from both.
        try await repository.forget([one.id])
        _ = try await repository.prune()
        #expect(pair.objects("first") == pair.objects("second"))
        try await pair.restic("second").succeed("check", "--read-data")
        #expect(pair.events.values.isEmpty, "\(pair.events.values)")
    }

    @Test(arguments: ["first", "second"]) func eitherMayGo(_ gone: String) async throws {
        let pair = try Pair()
        let snapshot = try await pair.copy(pair.create())
        try FileManager.default.removeItem(atPath: pair.folder(gone))
        let left = try await pair.open()
        #expect(try await left.snapshots().map(\.id) == [snapshot.id])
        try await pair.expectRestored(snapshot, by: left, "back")
        // Half a pair takes no copies, and the check says why.
        await #expect { _ = try await pair.copy(left) } throws: { "\($0)".contains("repository mirror") }
        #expect(try await left.snapshots().count == 1)
        let report = try await pair.open().fillMirror(readsData: false)
        #expect(report.copied == pair.objects("first").count && report.lost.isEmpty)
        #expect(pair.objects("first") == pair.objects("second"))
        try await pair.restic(gone).succeed("check", "--read-data")
        _ = try await pair.copy(pair.open())
        #expect(pair.objects("first") == pair.objects("second"))
    }

    /// A server that does not answer holds up nobody who reads, and nobody who writes is told that all is well.
    @Test(arguments: [true, false]) func oneThatIsAwayIsReadAround(_ isFirst: Bool) async throws {
        let pair = try Pair()
        let snapshot = try await pair.copy(pair.create())
        let away = AwayStore()
        let repository = try await isFirst ? pair.open(away, nil) : pair.open(nil, away)
        try await pair.expectRestored(snapshot, by: repository, "back")
        #expect(pair.events.values.contains { if case .readsMirror = $0 { true } else { false } })
        #expect(away.calls < 40, "it is not asked for each of the objects")
        let before = (pair.objects("first"), pair.objects("second"))
        await #expect(throws: StorageError.self) { _ = try await pair.copy(repository) }
        await #expect(throws: StorageError.self) { _ = try await repository.forget([snapshot.id]) }
        #expect(before == (pair.objects("first"), pair.objects("second")))
    }

    @Test(arguments: ["first", "second"]) func damageInOneIsFoundReadAroundAndMended(_ name: String) async throws {
        let pair = try Pair()
        let repository = try await pair.create()
        let snapshot = try await pair.copy(repository)
        try pair.spoilPack(name)
        try await pair.expectRestored(snapshot, by: try await pair.open(), "back")
        let check = try await repository.check(CheckOptions(read: .all))
        #expect(!check.isSound && check.damagedBlobs.isEmpty, "either has a whole copy of each")
        #expect(check.problems.contains { $0.severity == .damage && $0.error.location.contains(pair.folder(name)) })
        // Names and sizes tell nothing of it.
        #expect(try await repository.fillMirror(readsData: false).copied == 0)
        let report = try await repository.fillMirror(readsData: true)
        #expect(report.copied > 0 && report.lost.isEmpty)
        #expect(try await repository.check(CheckOptions(read: .all)).isSound)
        try await pair.restic(name).succeed("check", "--read-data")
    }

    @Test func whatIsDamagedInBothIsSaidToBeLost() async throws {
        let pair = try Pair()
        let repository = try await pair.create()
        _ = try await pair.copy(repository)
        for name in ["first", "second"] { try pair.spoilPack(name) }
        let report = try await repository.fillMirror(readsData: true)
        #expect(report.copied == 0 && !report.lost.isEmpty && report.lost.allSatisfy { $0.hasPrefix("data/") })
        #expect(try await !repository.check(CheckOptions(read: .all)).damagedBlobs.isEmpty)
    }

    @Test func twoRepositoriesAreNoPair() async throws {
        let pair = try Pair()
        _ = try await Repository.create(on: pair.first, password: Pair.password)
        _ = try await Repository.create(on: pair.second, password: Pair.password)
        let before = (pair.objects("first"), pair.objects("second"))
        let repository = try await pair.open()
        await #expect { _ = try await pair.copy(repository) } throws: { ($0 as? StorageError)?.kind == .invalid }
        await #expect { _ = try await repository.fillMirror(readsData: false) } throws: { ($0 as? StorageError)?.kind == .invalid }
        #expect(before == (pair.objects("first"), pair.objects("second")))
    }

    @Test func aSnapshotThatOneStoreLostIsMissed() async throws {
        let pair = try Pair()
        let repository = try await pair.create()
        let snapshot = try await pair.copy(repository)
        try await pair.second.delete(ObjectName("snapshots/\(snapshot.id)"))
        let check = try await repository.check()
        #expect(!check.isSound && check.problems.contains { $0.error.location.contains("second") })
        #expect(try await repository.fillMirror(readsData: false).copied == 1)
        #expect(try await repository.check().isSound)
    }
}

/// A server that nobody reaches.
private final class AwayStore: ObjectStore {
    private let count = Collected<String>()
    var calls: Int { count.values.count }
    let properties = ObjectStoreProperties(connections: 2, createOnlyIsAtomic: true, location: "away")

    private func fail(_ call: String) -> StorageError {
        count.append([call])
        return StorageError(.unavailable, expected: "an answer", found: "none", at: "away", retry: .transient)
    }
    func create() async throws { throw fail("create") }
    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws { throw fail("put") }
    func get(_ name: ObjectName) async throws -> [UInt8] { throw fail("get") }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { throw fail("get") }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws { throw fail("list") }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { throw fail("stat") }
    func delete(_ name: ObjectName) async throws { throw fail("delete") }
}
