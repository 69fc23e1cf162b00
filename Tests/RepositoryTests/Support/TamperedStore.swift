import StorageKit
import Synchronization

/// A store that records what is written and removed, and breaks down for good after so many of these calls.
final class TamperedStore: ObjectStore {
    struct Broken: Error {}

    private struct State {
        /// `+name` for what was written, `-name` for what was removed, in order.
        var changes: [String] = []
        var left: Int
    }

    private let base: any ObjectStore
    private let state: Mutex<State>

    init(_ base: any ObjectStore, breaksAfter calls: Int = .max) {
        self.base = base
        state = Mutex(State(left: calls))
    }

    var changes: [String] { state.withLock { $0.changes } }

    private func spend(_ note: (inout State) -> Void) throws {
        try state.withLock { state in
            guard state.left > 0 else { throw Broken() }
            state.left -= 1
            note(&state)
        }
    }

    var properties: ObjectStoreProperties { base.properties }
    func create() async throws { try await base.create() }

    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws {
        try spend { $0.changes.append("+" + name.text) }
        try await base.put(name, bytes)
    }

    func delete(_ name: ObjectName) async throws {
        try spend { $0.changes.append("-" + name.text) }
        try await base.delete(name)
    }

    func get(_ name: ObjectName) async throws -> [UInt8] { try await base.get(name) }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] { try await base.get(name, range: range) }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await base.list(prefix: prefix, page)
    }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
}
