import Crypto
import Basics
import Foundation
public import StorageKit
import Threads

/// A repository in restic's format, version 2 (version 1 is read and added to without compression).
///
/// Knows a store and a password, nothing of pipelines: a restic library. All operations may run side by side;
/// locks keep them and other programs apart.
public final class Repository: Sendable {
    let store: any ObjectStore
    let key: SealKey
    /// The key file that the password opened.
    let keyID: ObjectID
    let config: Config
    let tables: RabinTables
    /// Both stores of a repository that has two.
    let mirror: MirroredStore?
    private let patience: LockPatience

    private init(
        store: any ObjectStore, mirror: MirroredStore? = nil, key: SealKey, keyID: ObjectID, config: Config, patience: LockPatience
    ) {
        self.mirror = mirror
        self.patience = patience
        self.store = store
        self.key = key
        self.keyID = keyID
        self.config = config
        tables = RabinTables(config.polynomial)
    }

    /// The repository's own id, from its config: 64 hex digits.
    public var id: String { config.id }
    public var location: String { store.properties.location }

    /// The same repository, read through another store.
    func reading(_ store: any ObjectStore, of mirror: MirroredStore? = nil) -> Repository {
        Repository(store: store, mirror: mirror, key: key, keyID: keyID, config: config, patience: patience)
    }

    /// Makes a new repository with one password, taken as it is. `RepositoryError(.exists)` when there is one already.
    public static func create(
        on store: any ObjectStore, password: [UInt8], patience: LockPatience = LockPatience(), retries: StoreRetries = StoreRetries(),
        bandwidth: BandwidthLimit? = nil, mirror: AccessedStore? = nil
    ) async throws -> Repository {
        try await create(
            on: store, password: RepositoryPassword(password), patience: patience, retries: retries, bandwidth: bandwidth, mirror: mirror)
    }

    /// Makes a new repository with one password. `RepositoryError(.exists)` when there is one already.
    public static func create(
        on store: any ObjectStore, password: RepositoryPassword, patience: LockPatience = LockPatience(),
        retries: StoreRetries = StoreRetries(), bandwidth: BandwidthLimit? = nil, mirror: AccessedStore? = nil
    ) async throws -> Repository {
        let accessed = AccessedStore(store, retries: retries, bandwidth: bandwidth)
        let (store, pair) = joined(accessed, mirror)
        if let found = try await store.stat(ObjectNames.config) { throw existing(store, "\(found.size.counted("byte")) of config") }
        let password = try password.forNewKey(at: store.properties.location)
        try await store.create()
        try await refuseRemains(store)
        let key = SealKey.random()
        let keyID = try await storeKey(key, password: password, on: store)
        let id = RandomBytes.make(32).withUnsafeBytes { SHA256Digest(bytes: $0) }.hex
        let config = Config(version: 2, id: id, polynomial: .random())
        do {
            try await store.put(ObjectNames.config, Sealer(key).seal(config.encoded))
        } catch let error as StorageError where error.kind == .exists {
            try await store.delete(ObjectName(ObjectNames.keys + keyID.hex))
            throw existing(store, "a config that somebody made at the same time")
        }
        return Repository(store: store, mirror: pair, key: key, keyID: keyID, config: config, patience: patience)
    }

    /// One store, or two as one.
    private static func joined(_ store: AccessedStore, _ mirror: AccessedStore?) -> (store: any ObjectStore, pair: MirroredStore?) {
        guard let mirror else { return (store.lasting, nil) }
        let pair = MirroredStore(store.lasting, mirror.lasting, report: store.retries.report)
        return (pair, pair)
    }

    /// A repository that lost its config still holds everything: a new one on top of it would make it unreadable.
    private static func refuseRemains(_ store: any ObjectStore) async throws {
        for prefix in [ObjectNames.snapshots, ObjectNames.index, ObjectNames.data] {
            let left = try await store.listIDs(prefix)
            guard let first = left.first else { continue }
            throw RepositoryError(
                .damaged, expected: "an empty place for a new repository",
                found: "\(left.count.counted("object")) under \(prefix), \(first.id) among them, and no config",
                at: store.properties.location,
                advice:
                    "bring `config` back from another copy of the repository: with it everything can be read; or choose another place. Nothing was changed"
            )
        }
    }

    private static func existing(_ store: any ObjectStore, _ found: String) -> RepositoryError {
        RepositoryError(
            .exists, expected: "no repository yet", found: found, at: store.properties.location, advice: "open it, or choose another place",
            retry: .lostRace)
    }

    /// Opens a repository with a password that is taken as it is. Throws `.notFound`, `.wrongPassword`, `.unsupported` or `.damaged`.
    public static func open(
        _ store: any ObjectStore, password: [UInt8], patience: LockPatience = LockPatience(), retries: StoreRetries = StoreRetries(),
        bandwidth: BandwidthLimit? = nil, cache: MetadataCachePlace? = nil, mirror: AccessedStore? = nil
    ) async throws -> Repository {
        try await open(
            store, password: RepositoryPassword(password), patience: patience, retries: retries, bandwidth: bandwidth, cache: cache,
            mirror: mirror)
    }

    /// Opens a repository. Throws `.notFound`, `.wrongPassword`, `.unsupported` or `.damaged`.
    public static func open(
        _ store: any ObjectStore, password: RepositoryPassword, patience: LockPatience = LockPatience(),
        retries: StoreRetries = StoreRetries(), bandwidth: BandwidthLimit? = nil, cache: MetadataCachePlace? = nil,
        mirror: AccessedStore? = nil
    ) async throws -> Repository {
        let accessed = AccessedStore(store, retries: retries, bandwidth: bandwidth)
        let (store, pair) = joined(accessed, mirror)
        let sealed: [UInt8]
        do {
            sealed = try await readConfig(store)
        } catch let error as StorageError where error.kind == .notFound {
            throw RepositoryError(
                .notARepository, expected: "a restic repository", found: "no config object", at: store.properties.location,
                advice: "check the location; a first copy with `create: true`, or `restic init`, makes a repository")
        }
        let opened = try await open(store, sealedConfig: sealed, password: password, patience)
        guard let cache, cache.limit > 0 else { return opened.reading(store, of: pair) }
        return opened.reading(
            CachingStore(base: store, cache: MetadataCache(cache, repository: opened.id, report: retries.report)), of: pair)
    }

    /// Itself without what is kept on this machine: for who asks what the store holds.
    public var uncached: Repository { (store as? CachingStore).map { reading($0.base, of: mirror) } ?? self }

    /// Tries the password on every key file, at most as many as restic does. A key that fits the password and not the config is left from
    /// something else; another one may be right.
    private static func open(
        _ store: any ObjectStore, sealedConfig: [UInt8], password: RepositoryPassword, _ patience: LockPatience
    ) async throws -> Repository {
        let location = store.properties.location
        let ids = try await store.listIDs(ObjectNames.keys).map(\.id).sorted()
        var (fitted, damaged) = (false, 0)
        var files: [(id: ObjectID, file: KeyFile)] = []
        for id in ids.prefix(20) {
            let name = ObjectName(ObjectNames.keys + id.hex)
            let bytes = try await store.get(name)
            guard SHA256.digest(bytes) == id else {
                damaged += 1  // another key may do
                continue
            }
            files.append((id, try KeyFile(decoding: bytes, at: "\(location)/\(name)")))
        }
        for reading in password.readings {
            for (id, file) in files {
                guard let key = try await scrypt({ try file.open(password: reading, at: "\(location)/\(ObjectNames.keys)\(id)") }) else {
                    continue
                }
                fitted = true
                guard let config = try? Sealer(key).open(sealedConfig) else { continue }
                return Repository(
                    store: store, key: key, keyID: id, config: try Config(decoding: config, at: location), patience: patience)
            }
        }
        guard !fitted else {
            throw RepositoryError.damaged(
                "\(location)/config", expected: "a config sealed with the key files' master key", found: "a wrong authentication code")
        }
        guard damaged == 0, !ids.isEmpty else {
            throw RepositoryError.damaged(
                "\(location)/keys", expected: "a whole key file that this password opens",
                found: ids.isEmpty ? "no key file" : "\(damaged) damaged, and \(ids.count - damaged) whole ones of other passwords",
                advice: "bring `keys/` back from another copy of the repository: without a key file nothing can be read")
        }
        throw RepositoryError(
            .wrongPassword, expected: "a password of one of \(ids.count.counted("key file"))", found: "another password", at: location,
            advice: "check where the password comes from; without it nothing can be read")
    }

    /// scrypt takes tenths of a second and tens of megabytes: not on the cooperative pool.
    static func scrypt<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await BlockingPool(label: "scrypt", width: 1).run(body)
    }

    /// Every snapshot, oldest first. One whose object is damaged hides no other: it is left out here; see `snapshotList`.
    public func snapshots() async throws -> [Snapshot] { try await loadSnapshots { _ in } }

    /// Every snapshot, and the objects that should be one and can't be read.
    public func snapshotList() async throws -> SnapshotList {
        var list = SnapshotList()
        list.snapshots = try await loadSnapshots { list.damaged.append($0) }
        return list
    }

    /// As `snapshots`, with what is damaged: nothing may be removed while it is unknown what a snapshot uses.
    func loadSnapshots(_ damaged: (any ExplainedError) throws -> Void) async throws -> [Snapshot] {
        var found: [Snapshot] = []
        let ids = try await store.listIDs(ObjectNames.snapshots).map(\.id)
        try await files.loadEach(ObjectNames.snapshots, ids) { id, json in
            do { found.append(try Snapshot(decoding: try json.get(), id: id.hex)) } catch let error as any ExplainedError {
                guard error.isDamage else { throw error }
                try damaged(error)
            }
        }
        return found.sorted { ($0.time, $0.id) < ($1.time, $1.id) }
    }

    /// Runs `body` under a lock of restic's protocol. Operations within it use this lock; without it each takes its own.
    /// Waits for other programs as long as the repository's `LockPatience` says, then `.locked`: a retry later helps.
    public func withLock<R: Sendable>(
        _ mode: LockMode, isolation: isolated (any Actor)? = #isolation, _ body: (RepositoryLock) async throws -> R
    ) async throws -> R {
        try await withLock(mode, settled: true, isolation: isolation, body)
    }

    /// A shared lock; `body` begins before it is known that nobody wrote his lock at the same time as we did ours. That takes a fifth of a second, in which a
    /// backup can prepare itself. Nothing is written before (`GuardedStore`), and what is not to be done twice waits for `proved`. Whatever goes wrong until then, it
    /// runs once more from its start, under a lock that is settled: whoever removes things while we look at them makes any error of it. Others' locks are waited for anew.
    func withUnsettledLock<R: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: (RepositoryLock) async throws -> R
    ) async throws -> R {
        let early: R? = try await withLock(.shared, settled: false, isolation: isolation) { lock in
            do {
                return try await withTaskCancellationHandler {
                    let result = try await body(lock)
                    try await lock.proved()
                    return result
                } onCancel: {
                    lock.stopSettling()
                }
            } catch {
                try Task.checkCancellation()
                guard await wasTooEarly(lock) else { throw error }
                return nil
            }
        }
        if let early { return early }
        return try await withLock(.shared, settled: true, isolation: isolation, body)
    }

    private func wasTooEarly(_ lock: RepositoryLock) async -> Bool {
        if lock.isProved { return false }
        guard lock.isSettled else { return true }
        do {
            try await lock.proved()
            return false
        } catch { return (error as? RepositoryError)?.kind == .locked }
    }

    private func withLock<R: Sendable>(
        _ mode: LockMode, settled: Bool, isolation: isolated (any Actor)?, _ body: (RepositoryLock) async throws -> R
    ) async throws -> R {
        if let held = RepositoryLock.held, held.repository == location {
            guard held.mode >= mode else {
                throw RepositoryError(
                    .locked, expected: "an exclusive lock", found: "our own shared one", at: location,
                    advice: "take the exclusive lock first")
            }
            return try await body(held)
        }
        // Who only reads may be the one who has lost the other store.
        let store: any ObjectStore = mirror.map { mode == .shared ? $0.lenient : $0 } ?? self.store
        let locker = Locker(files: SealedFiles(store: store, key: key, compress: config.version >= 2), repository: location)
        let lock = try await patience.acquire(mode, by: locker, settled: settled)
        let refreshing = Task { await locker.keepFresh(lock) }
        let result: Result<R, any Error>
        do {
            result = .success(try await RepositoryLock.$held.withValue(lock) { try await body(lock) })
        } catch {
            result = .failure(error)
        }
        refreshing.cancel()
        lock.stopSettling()
        await refreshing.value
        await locker.release(lock)
        return try result.get()
    }

    /// Removes locks whose process is dead or that are older than 30 minutes; with `all`, every lock. Returns how many.
    public func removeLocks(all: Bool) async throws -> Int { try await Locker(files: files, repository: location).removeLocks(all: all) }

    var files: SealedFiles { SealedFiles(store: store, key: key, compress: config.version >= 2) }

    func files(_ lock: RepositoryLock) -> SealedFiles {
        SealedFiles(store: GuardedStore(base: store, lock: lock), key: key, compress: config.version >= 2)
    }

    /// Reads every index file. Under a lock that is not settled it counts when that is proved.
    func loadIndex(_ lock: RepositoryLock? = nil) async throws -> MasterIndex {
        let index = MasterIndex()
        let isEarly = lock?.isSettled == false
        let ids = try await store.listIDs(ObjectNames.index).map(\.id)
        if isEarly { lock?.relies(on: Set(ids)) }
        try await files.loadAll(ObjectNames.index, ids) { id, json in
            index.add(try IndexFile(decoding: json, at: "\(location)/index/\(id)").packs)
        }
        return index
    }
}
