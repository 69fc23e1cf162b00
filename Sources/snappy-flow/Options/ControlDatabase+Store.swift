import FlowModel
import PostgreSQL
import WorkflowEngine

extension ControlDatabase {
    /// The engine's tables, migrated. A database that is down is not waited for here, only later, when jobs hang on it.
    func openStore() async throws -> EngineStore {
        try await EngineStore.open(
            settings, patience: RetryPolicy(attempts: 0, backoff: .milliseconds(100), maxBackoff: .seconds(5)), waits: false)
    }
}
