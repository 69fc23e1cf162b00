public import Basics
public import StorageKit
import Synchronization

/// Repeats calls that failed for a reason that may pass, with growing pauses.
public struct RetryingStore: ObjectStore {
    private let base: any ObjectStore
    private let policy: StoreRetries
    private let contact = Contact()

    public init(_ base: any ObjectStore, _ policy: StoreRetries = StoreRetries()) {
        self.base = base
        self.policy = policy
    }

    public var properties: ObjectStoreProperties { base.properties }

    /// What the calls learned of the store.
    private final class Contact: Sendable {
        private let state = Mutex(State())
        private struct State {
            var hasAnswered = false
            var awaySince: ContinuousClock.Instant?
            var isTold = false
        }

        var hasAnswered: Bool { state.withLock { $0.hasAnswered } }

        /// Returns for how long it was away, where somebody was told that it is.
        func answered() -> Duration? {
            state.withLock { state in
                defer { state = State(hasAnswered: true) }
                return state.isTold ? state.awaySince.map { .now - $0 } : nil
            }
        }

        /// True for the call that should tell.
        func failed(_ attempt: Int) -> Bool {
            state.withLock { state in
                state.awaySince = state.awaySince ?? .now
                guard attempt >= 3, !state.isTold else { return false }
                state.isTold = true
                return true
            }
        }

        /// Somebody waited for it in vain. Calls that only clean up do not wait as long again.
        func gaveUp() { state.withLock { $0.hasAnswered = false } }
    }

    private func retrying<Value: Sendable>(_ call: (_ attempt: Int) async throws -> Value) async throws -> Value {
        var attempt = 1
        var firstFailure: ContinuousClock.Instant?
        while true {
            let failure: StorageError
            do {
                let value = try await call(attempt)
                answered()
                return value
            } catch let error as StorageError {
                failure = error
            }
            let kind = StoreRetries.kind(of: failure)
            if kind != .away { answered() }
            let now = ContinuousClock.now
            let since = firstFailure ?? now
            firstFailure = since
            let wait = policy.wait(
                after: failure, attempt: attempt, elapsed: now - since, hasAnswered: contact.hasAnswered, jitter: .random(in: 0...1))
            guard let wait else {
                if kind == .away { contact.gaveUp() }
                throw failure
            }
            if kind == .away, contact.failed(attempt) {
                policy.report(.waits(failure, upTo: contact.hasAnswered ? policy.limit : policy.firstLimit))
            }
            do { try await Task.sleep(for: wait) } catch {
                contact.gaveUp()
                throw error
            }
            attempt += 1
        }
    }

    private func answered() {
        guard let away = contact.answered() else { return }
        policy.report(.answers(after: .milliseconds(Int64(away / .milliseconds(1)))))
    }

    public func create() async throws { try await retrying { _ in try await base.create() } }

    public func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await retrying { attempt in
            do {
                try await base.put(name, bytes)
                try await prove(name, bytes.count)
            } catch let error as StorageError where error.kind == .exists && attempt > 1 {
                // The try before may have stored it and lost only the answer.
                guard try await base.stat(name)?.size == Int64(bytes.count) else { throw error }
            }
        }
    }

    /// What a store took without proof is looked at. What is there and is not whole goes again: it would stand in the way of the next try.
    private func prove(_ name: ObjectName, _ count: Int) async throws {
        guard !base.properties.provesUploads else { return }
        let found = try await base.stat(name)?.size
        guard found != Int64(count) else { return }
        if found != nil, ObjectNames.id(of: name) != nil { try? await base.delete(name) }
        throw StorageError(
            .truncated, expected: "\(count.counted("byte")) stored", found: found.map { "\($0)" } ?? "nothing",
            at: "\(base.properties.location) \(name)",
            advice: "the server took it and does not have it: look at its disk and its log", retry: .transient)
    }

    public func get(_ name: ObjectName) async throws -> [UInt8] { try await retrying { _ in try await base.get(name) } }

    public func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        try await retrying { _ in try await base.get(name, range: range) }
    }

    /// Pages are handed on once all are there, so that a repetition delivers nothing twice.
    public func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        let found = try await retrying { _ in
            let pages = Collected<ObjectInfo>()
            try await base.list(prefix: prefix) { pages.append($0) }
            return pages.values
        }
        try await page(found)
    }

    public func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await retrying { _ in try await base.stat(name) } }
    public func delete(_ name: ObjectName) async throws { try await retrying { _ in try await base.delete(name) } }

    public func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await retrying { _ in try await base.removeUnfinished(olderThan: age) }
    }

    public func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await retrying { _ in try await base.findUnfinished(olderThan: age) }
    }
}
