import Basics
import Rigs
import StorageKit
import Synchronization
import Testing

@testable import Repository

/// A backup begins while it is not known yet whether somebody else wrote his lock at the same time.
@Suite struct UnsettledLockTests {
    enum Source: CaseIterable { case tree, image }

    private func back(
        up source: Source, _ bench: Bench, _ image: MemoryImage, through store: any ObjectStore,
        onWait: @escaping @Sendable (RepositoryError) -> Void = { _ in }
    ) async throws -> ArchiveReport {
        let repository = try await Repository.open(
            store, password: Array(Bench.password.utf8), patience: LockPatience(limit: .seconds(120), onWait: onWait))
        switch source {
        case .tree: return try await repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        case .image:
            let base = try await bench.repository.snapshots().last { $0.hostname == "disk" }
            return try await repository.archive(
                image: image, at: TreePath("disk.img"), ImageOptions(base: base.map { ImageBase(token: "any", snapshotID: $0.id) }),
                ArchiveOptions(host: "disk"))
        }
    }

    private func bench(_ image: MemoryImage) async throws -> Bench {
        let bench = try await Bench()
        try bench.folder.write("source/file", "x")
        for source in Source.allCases { _ = try await back(up: source, bench, image, through: bench.store) }
        try bench.folder.write("source/more", "y")
        return bench
    }

    /// As a prune ends: other indexes of the same packs, and the old ones go. The packs stay here, so that a backup could succeed.
    private static func replaceIndexes(of bench: Bench) async throws {
        let files = bench.repository.files
        for id in try await bench.store.listIDs(ObjectNames.index).map(\.id) {
            _ = try await files.save(ObjectNames.index, try await files.load(ObjectNames.index, id) + Array("\n".utf8))
            try await files.delete(ObjectNames.index, id)
        }
    }

    private let before = MemoryImage(size: 4 << 20, [0: noise(4 << 20, seed: 1)])
    private let after = MemoryImage(
        size: 4 << 20, [0: noise(2 << 20, seed: 2) + noise(4 << 20, seed: 1)[(2 << 20)...]], changed: [0..<2 << 20])

    /// Nothing is written beside a lock that came at the same moment; the backup waits, begins anew, and is whole.
    @Test(arguments: Source.allCases) func aLockOfTheSameMomentIsHeeded(_ source: Source) async throws {
        let bench = try await bench(before)
        let locks = bench.repository.files
        let other = LockFile.own(.exclusive, at: .now).encoded
        let store = HookedStore(base: bench.store)
        let held = Mutex<ObjectID?>(nil)
        store.afterFirst("put", of: "locks/") {
            let id = try await locks.save(ObjectNames.locks, other)
            held.withLock { $0 = id }
        }
        let (waits, feed) = AsyncStream.makeStream(of: RepositoryError.self)
        async let backup = back(up: source, bench, after, through: store) { feed.yield($0) }
        // It has stepped back, and waits for the other one.
        for await error in waits {
            #expect(error.kind == .locked)
            break
        }
        #expect(try await bench.store.listIDs(ObjectNames.locks).count == 1)
        #expect(store.puts.allSatisfy { $0.hasPrefix("locks/") }, "\(store.puts)")
        try await locks.delete(ObjectNames.locks, try #require(held.withLock { $0 }))
        let snapshot = try await backup.snapshot
        #expect(try await bench.repository.snapshots().map(\.id).contains(snapshot.id))
        try await bench.restic.succeed("check", "--read-data")
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
    }

    /// A prune that is over before our lock is looked at left none, and other indexes: what was loaded is not relied on.
    @Test(arguments: Source.allCases) func whatWasPrunedAtThatMomentIsNotReliedOn(_ source: Source) async throws {
        let bench = try await bench(before)
        let store = HookedStore(base: bench.store)
        store.afterFirst("get", of: "index/") {
            try await Self.replaceIndexes(of: bench)
        }
        let snapshot = try await back(up: source, bench, after, through: store).snapshot
        #expect(store.count("put", of: "locks/") == 2, "it was begun anew")
        #expect(store.count("put", of: "snapshots/") == 1)
        #expect(try await bench.repository.snapshots().last?.id == snapshot.id)
        try await bench.restic.succeed("check", "--read-data")
    }

    /// Also where looking fails because of it.
    @Test(arguments: Source.allCases) func whatVanishesWhileItIsReadIsNoError(_ source: Source) async throws {
        let bench = try await bench(before)
        let store = HookedStore(base: bench.store)
        store.beforeFirst("get", of: "index/") {
            try await Self.replaceIndexes(of: bench)
        }
        _ = try await back(up: source, bench, after, through: store)
        try await bench.restic.succeed("check", "--read-data")
    }

    /// Once it is proved that nobody was there, an error is an error: what was begun is not begun again, whatever happens to the repository.
    @Test(arguments: Source.allCases) func nothingIsBegunAgainLater(_ source: Source) async throws {
        let bench = try await bench(before)
        let store = HookedStore(base: bench.store)
        store.afterFirst("put", of: "data/") {
            try await Self.replaceIndexes(of: bench)
            throw StorageError(.accessDenied, expected: "a store that goes on", found: "none", at: "data")
        }
        let error = await #expect(throws: StorageError.self) { try await back(up: source, bench, after, through: store) }
        #expect(error?.kind == .accessDenied)
        #expect(store.count("put", of: "locks/") == 1 && store.count("put", of: "snapshots/") == 0)
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
    }

    /// A store that says nothing while the lock settles holds up nobody who was told to stop.
    @Test(arguments: Source.allCases) func aCancelIsHeardWhileTheLockSettles(_ source: Source) async throws {
        let bench = try await bench(before)
        let store = HookedStore(base: bench.store)
        let (silences, begin) = AsyncStream.makeStream(of: Void.self)
        let (words, mouth) = AsyncStream.makeStream(of: Void.self)
        store.afterFirst("put", of: "locks/") {
            store.beforeFirst("list", of: "locks/") {
                begin.yield()
                for await _ in words {}
                try Task.checkCancellation()
            }
        }
        let backup = Task { try await back(up: source, bench, after, through: store) }
        for await _ in silences { break }
        backup.cancel()
        await #expect(throws: (any Error).self) { try await backup.value }
        #expect(store.count("put", of: "snapshots/") == 0)
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
        withExtendedLifetime(mouth) {}
    }

    /// What is wrong with the source is not tried twice, once the lock is settled.
    @Test func anErrorOfTheSourceIsSaid() async throws {
        let bench = try await bench(before)
        let error = await #expect(throws: StorageError.self) {
            try await bench.repository.archive(
                image: FailingImage(), at: TreePath("disk.img"), ImageOptions(), ArchiveOptions(host: "disk"))
        }
        #expect(error?.kind == .failed)
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
    }
}

private struct FailingImage: ImageReader {
    let size: Int64 = 1 << 20
    let granularity: Int64 = 4096
    func allocatedExtents() -> [Range<Int64>] { [0..<size] }
    func changedExtents(since base: JSONValue) -> [Range<Int64>]? { nil }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        throw StorageError(.failed, expected: "bytes", found: "none", at: "disk.img")
    }
}

/// A store that does something more at the first call of a kind.
private final class HookedStore: ObjectStore {
    typealias Hook = @Sendable () async throws -> Void
    private struct State {
        var calls: [(call: String, name: String)] = []
        var before: [String: Hook] = [:]
        var after: [String: Hook] = [:]
    }

    let base: any ObjectStore
    private let state = Mutex(State())

    init(base: any ObjectStore) { self.base = base }

    func beforeFirst(_ call: String, of prefix: String, _ hook: @escaping Hook) { state.withLock { $0.before["\(call) \(prefix)"] = hook } }
    func afterFirst(_ call: String, of prefix: String, _ hook: @escaping Hook) { state.withLock { $0.after["\(call) \(prefix)"] = hook } }

    var puts: [String] { state.withLock { $0.calls.filter { $0.call == "put" }.map(\.name) } }
    func count(_ call: String, of prefix: String) -> Int {
        state.withLock { $0.calls.count { $0.call == call && $0.name.hasPrefix(prefix) } }
    }

    private func hooked<Value: Sendable>(_ call: String, _ name: ObjectName, _ body: () async throws -> Value) async throws -> Value {
        try await hooked(call, name.description, body)
    }

    private func hooked<Value: Sendable>(_ call: String, _ name: String, _ body: () async throws -> Value) async throws -> Value {
        let key = "\(call) \(name.prefix { $0 != "/" })/"
        try await state.withLock { $0.before.removeValue(forKey: key) }?()
        let value = try await body()
        state.withLock { $0.calls.append((call, name)) }
        try await state.withLock { $0.after.removeValue(forKey: key) }?()
        return value
    }

    var properties: ObjectStoreProperties { base.properties }
    func create() async throws { try await base.create() }
    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws { try await hooked("put", name) { try await base.put(name, bytes) } }
    func get(_ name: ObjectName) async throws -> [UInt8] { try await hooked("get", name) { try await base.get(name) } }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { try await base.get(name, range: range) }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
    func delete(_ name: ObjectName) async throws { try await base.delete(name) }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await hooked("list", prefix) { try await base.list(prefix: prefix, page) }
    }
}
