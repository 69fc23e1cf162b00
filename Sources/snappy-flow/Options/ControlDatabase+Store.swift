import FlowModel
import PostgreSQL
import WorkflowEngine

extension ControlDatabase {
    /// The engine's tables, migrated. A database that is down is not waited for here, only later, when jobs hang on it.
    func openStore(connections: Int = 4) async throws -> EngineStore {
        try await EngineStore.open(
            settings, first: lease?.takeConnection(), connections: connections,
            patience: RetryPolicy(attempts: 0, backoff: .milliseconds(100), maxBackoff: .seconds(5)), waits: false)
    }
}
