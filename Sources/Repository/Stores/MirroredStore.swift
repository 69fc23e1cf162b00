import Crypto
import Basics
public import StorageKit
import Synchronization

/// Two stores that hold the same repository. What is written is on both or the call fails; what is read comes from the other one where the first is
/// away, or has lost or damaged it.
struct MirroredStore: ObjectStore {
    let first: any ObjectStore
    let second: any ObjectStore
    /// Told of the first thing that had to be read from the other store, and why.
    private let report: @Sendable (RetryEvent) -> Void
    private let state = State()
    /// A lock that a reader takes counts with one store alone: on the day of a loss, the other may be gone.
    private var isLenient = false

    /// For so long a store that did not answer is asked only where the other one can't help.
    private static let patience = Duration.seconds(300)

    private final class State: Sendable {
        let areTwins = Mutex(false)
        let away = Mutex<[Absence?]>([nil, nil])
        let isTold = Mutex(false)
    }

    private struct Absence {
        var until: ContinuousClock.Instant
        var error: StorageError
    }

    init(_ first: any ObjectStore, _ second: any ObjectStore, report: @escaping @Sendable (RetryEvent) -> Void = { _ in }) {
        self.first = first
        self.second = second
        self.report = report
    }

    /// For the locks of who only reads.
    var lenient: MirroredStore {
        var store = self
        store.isLenient = true
        return store
    }

    private var stores: [any ObjectStore] { [first, second] }

    var properties: ObjectStoreProperties {
        let (one, other) = (first.properties, second.properties)
        return ObjectStoreProperties(
            connections: min(one.connections, other.connections), createOnlyIsAtomic: one.createOnlyIsAtomic && other.createOnlyIsAtomic,
            location: "\(one.location) and \(other.location)", retainsObjects: one.retainsObjects || other.retainsObjects,
            isRemote: one.isRemote || other.isRemote)
    }

    /// Where a damaged object may be whole.
    var copies: [any ObjectStore] { [self, first, second] }

    func create() async throws {
        try await first.create()
        try await second.create()
    }

    // MARK: writing

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        guard !name.text.hasPrefix(ObjectNames.locks) else { return try await putLock(name, bytes) }
        try await requireTwins()
        async let one = Self.outcome { try await first.put(name, bytes) }
        async let other = Self.outcome { try await second.put(name, bytes) }
        for outcome in await [one, other] { try outcome.get() }
    }

    private func putLock(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        let outcomes = await onBoth(sparing: isLenient) { try await $0.put(name, bytes) }
        if let done = outcomes.firstIndex(where: { (try? $0.get()) != nil }) {
            guard case .failure(let error) = outcomes[1 - done] else { return }
            if isLenient, let error = error as? StorageError { return tell(error, instead: stores[done]) }
            // Half a lock is none, and must hold up nobody.
            try? await stores[done].delete(name)
        }
        for outcome in outcomes { try outcome.get() }
    }

    /// Calls both at once. With `sparing`, one that is known to be away is not called while the other is not.
    private func onBoth<Value: Sendable>(
        sparing: Bool, _ call: @Sendable (any ObjectStore) async throws -> Value
    ) async -> [Result<Value, any Error>] {
        let known = sparing ? absences : [nil, nil]
        let absent = known[0] != nil && known[1] != nil ? [nil, nil] : known
        @Sendable func ask(_ index: Int) async -> Result<Value, any Error> {
            if let error = absent[index] { return .failure(error) }
            let outcome = await Self.outcome { try await call(stores[index]) }
            if case .failure(let error as StorageError) = outcome { note(error, of: index) }
            return outcome
        }
        async let one = ask(0)
        async let other = ask(1)
        return await [one, other]
    }

    private var absences: [StorageError?] { state.away.withLock { $0.map { $0.flatMap { $0.until > .now ? $0.error : nil } } } }

    private func note(_ error: StorageError, of index: Int) {
        guard StoreRetries.kind(of: error) == .away else { return }
        state.away.withLock { $0[index] = Absence(until: .now + Self.patience, error: error) }
    }

    private static func outcome<Value: Sendable>(_ call: () async throws -> Value) async -> Result<Value, any Error> {
        do { return .success(try await call()) } catch { return .failure(error) }
    }

    /// Nothing is written to a pair that is not one repository: a half would look whole.
    private func requireTwins() async throws {
        guard !state.areTwins.withLock({ $0 }) else { return }
        async let one = Self.config(of: first)
        async let other = Self.config(of: second)
        switch try await (one, other) {
        case (nil, nil): return  // it is being made
        case (let one?, let other?):
            guard one == other else { throw Self.strangers(first, second) }
            state.areTwins.withLock { $0 = true }
        case (nil, _): throw Self.isEmpty(first, beside: second)
        case (_, nil): throw Self.isEmpty(second, beside: first)
        }
    }

    static func config(of store: any ObjectStore) async throws -> [UInt8]? {
        do { return try await store.get(ObjectNames.config) } catch let error as StorageError where error.kind == .notFound { return nil }
    }

    static func strangers(_ first: any ObjectStore, _ second: any ObjectStore) -> StorageError {
        StorageError(
            .invalid, expected: "the repository that is at \(first.properties.location)", found: "another one",
            at: second.properties.location, advice: "give the mirror a place of its own; nothing was written")
    }

    private static func isEmpty(_ store: any ObjectStore, beside other: any ObjectStore) -> StorageError {
        StorageError(
            .notFound, expected: "the repository that is at \(other.properties.location)", found: "none", at: store.properties.location,
            advice: "fill it: `snappy-flow repository mirror`; nothing was written")
    }

    /// The store that may refuse comes first: what it keeps is not removed from the other either.
    func delete(_ name: ObjectName) async throws {
        guard !name.text.hasPrefix(ObjectNames.locks) else {
            let outcomes = await onBoth(sparing: isLenient) { try await $0.delete(name) }
            if isLenient, outcomes.contains(where: { (try? $0.get()) != nil }) { return }
            return try outcomes.forEach { try $0.get() }
        }
        for store in second.properties.retainsObjects ? [second, first] : [first, second] { try await store.delete(name) }
    }

    func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await first.removeUnfinished(olderThan: age) + second.removeUnfinished(olderThan: age)
    }

    func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await first.findUnfinished(olderThan: age) + second.findUnfinished(olderThan: age)
    }

    // MARK: reading

    /// An object that does not fit its name is looked for in the other store.
    func get(_ name: ObjectName) async throws -> [UInt8] {
        try await reading { store in
            let bytes = try await store.get(name)
            guard let id = ObjectNames.id(of: name), SHA256.digest(bytes) != id else { return bytes }
            throw StorageError(
                .truncated, expected: "bytes that hash to the object's name", found: "others", at: "\(store.properties.location)/\(name)",
                advice: "run `snappy-flow repository mirror --read-data`")
        }
    }

    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { try await reading { try await $0.get(name, range: range) } }

    func stat(_ name: ObjectName) async throws -> ObjectInfo? {
        do {
            return try await reading { store in
                guard let found = try await store.stat(name) else {
                    throw StorageError(.notFound, expected: "an object", found: "none", at: "\(store.properties.location)/\(name)")
                }
                return found
            }
        } catch let error as StorageError where error.kind == .notFound {
            return nil
        }
    }

    /// What either has; of one alone where the other is away.
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        let outcomes = await onBoth(sparing: true) { try await Self.listed($0, prefix) }
        var found: [ObjectName: ObjectInfo] = [:]
        for (index, outcome) in outcomes.enumerated() {
            do {
                for info in try outcome.get() { found[info.name] = found[info.name] ?? info }
            } catch let error as StorageError {
                _ = try outcomes[1 - index].get()
                tell(error, instead: stores[1 - index])
            }
        }
        if !found.isEmpty { try await page(Array(found.values)) }
    }

    static func listed(_ store: any ObjectStore, _ prefix: String) async throws -> [ObjectInfo] {
        let found = Collected<ObjectInfo>()
        try await store.list(prefix: prefix) { found.append($0) }
        return found.values
    }

    /// Asks one store, and the other where that one fails.
    private func reading<Value: Sendable>(_ call: (any ObjectStore) async throws -> Value) async throws -> Value {
        let start = absences[0] == nil ? 0 : 1
        let failure: StorageError
        do { return try await call(stores[start]) } catch let error as StorageError { failure = error }
        note(failure, of: start)
        do {
            let value = try await call(stores[1 - start])
            tell(failure, instead: stores[1 - start])
            return value
        } catch let error as StorageError {
            // That neither has it is known only when both have said so.
            throw failure.kind == .notFound ? error : failure
        }
    }

    private func tell(_ error: StorageError, instead store: any ObjectStore) {
        let isFirst = state.isTold.withLock { isTold in
            defer { isTold = true }
            return !isTold
        }
        if isFirst { report(.readsMirror(error, at: store.properties.location)) }
    }
}

/// A store, and how calls of it are made to last.
public struct AccessedStore: Sendable {
    public var store: any ObjectStore
    public var retries: StoreRetries
    public var bandwidth: BandwidthLimit?

    public init(_ store: any ObjectStore, retries: StoreRetries = StoreRetries(), bandwidth: BandwidthLimit? = nil) {
        self.store = store
        self.retries = retries
        self.bandwidth = bandwidth
    }

    var lasting: any ObjectStore { RetryingStore(LimitedStore.limited(store, bandwidth), retries) }
}
