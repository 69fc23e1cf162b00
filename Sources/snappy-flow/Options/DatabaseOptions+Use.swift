import Basics
import FlowControl
import FlowModel
import PostgreSQL
import WorkflowEngine

/// The control database in use: a private server runs at least as long as the body does.
extension DatabaseOptions {
    func withControlDatabase<Value>(_ body: (ControlDatabase) async throws -> Value) async throws -> Value {
        let control = try await acquire()
        defer { withExtendedLifetime(control) {} }
        return try await body(control)
    }

    /// The engine's tables, migrated. A database that is down is not waited for here, only later, when jobs hang on it.
    /// `key`: what this user's own jobs are known by, for who runs them.
    func withControlStore<Value>(connections: Int = 4, key: SealingKey? = nil, _ body: (EngineStore) async throws -> Value) async throws
        -> Value
    {
        try await withControlDatabase { try await body(try await $0.openStore(connections: connections, key: key)) }
    }

    /// What commands do with jobs.
    func withFlowControl<Value>(_ body: (FlowControl) async throws -> Value) async throws -> Value {
        try await withControlStore { try await body(FlowControl(of: $0)) }
    }
}

extension ControlDatabase {
    fileprivate func openStore(connections: Int, key: SealingKey?) async throws -> EngineStore {
        let key = key ?? .ofThisProcess(maker: Person.name)
        return try await EngineStore.open(
            settings, first: lease?.takeConnection(), connections: connections,
            patience: RetryPolicy(attempts: 0, backoff: .milliseconds(100), maxBackoff: .seconds(5)), waits: false, key: key)
    }
}

extension FlowControl {
    /// Over this program's plug-ins.
    init(of store: EngineStore) { self.init(store: store, host: Composition.host, catalog: Composition.catalog) }
}
