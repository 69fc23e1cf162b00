import FlowModel
import PostgreSQL
import WorkflowEngine

extension ControlDatabase {
    /// The engine's tables, migrated. A database that is down is waited for a little here, and longer later, when jobs hang on it.
    func openStore() async throws -> EngineStore {
        let connection = try await Connection.connect(settings)
        try await Migrator().migrate(connection)
        return try await EngineStore.open(
            settings, patience: RetryPolicy(attempts: 0, backoff: .milliseconds(100), maxBackoff: .seconds(5)))
    }
}
