import Basics
import PostgreSQL
import WorkflowEngine

extension ControlDatabase {
    /// The engine's tables, migrated. A database that is down is not waited for here, only later, when jobs hang on it.
    /// `key`: what this user's own jobs are known by, for who runs them.
    func openStore(connections: Int = 4, key: SealingKey? = nil) async throws -> EngineStore {
        let key = key ?? .ofThisProcess(maker: Person.name)
        return try await EngineStore.open(
            settings, first: lease?.takeConnection(), connections: connections,
            patience: RetryPolicy(attempts: 0, backoff: .milliseconds(100), maxBackoff: .seconds(5)), waits: false, key: key)
    }
}
