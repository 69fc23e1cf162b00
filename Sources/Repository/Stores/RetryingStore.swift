public import StorageKit
import FlowModel

/// Repeats calls that failed for a reason that may pass, with growing pauses.
public struct RetryingStore: ObjectStore {
    /// A server may ask for a pause, but not for any.
    private static let patience = Duration.seconds(300)

    private let base: any ObjectStore
    private let attempts: Int
    private let pause: Duration

    /// `attempts` tries in all; the first pause is `pause`, each next one twice as long, up to a minute.
    public init(_ base: any ObjectStore, attempts: Int = 6, pause: Duration = .milliseconds(500)) {
        self.base = base
        self.attempts = attempts
        self.pause = pause
    }

    public var properties: ObjectStoreProperties { base.properties }

    private func retrying<Value: Sendable>(_ call: (_ attempt: Int) async throws -> Value) async throws -> Value {
        var wait = pause
        var attempt = 1
        while true {
            do {
                return try await call(attempt)
            } catch let error as StorageError where error.kind == .unavailable && error.retry == .transient && attempt < attempts {
                let asked = min(error.retryAfter?.duration ?? .zero, Self.patience)
                try await Task.sleep(for: max(wait * Double.random(in: 0.75...1.25), asked))
                wait = min(wait * 2, .seconds(60))
                attempt += 1
            }
        }
    }

    public func create() async throws { try await retrying { _ in try await base.create() } }

    public func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try await retrying { attempt in
            do {
                try await base.put(name, bytes)
            } catch let error as StorageError where error.kind == .exists && attempt > 1 {
                // The try before may have stored it and lost only the answer.
                guard try await base.stat(name)?.size == Int64(bytes.count) else { throw error }
            }
        }
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
}
