import ArgumentParser
import Basics
import Foundation
import Logging
import PostgreSQL
import WorkflowEngine

/// Which control database a command uses.
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The control database: postgresql://USER@HOST/DATABASE, or host=... dbname=...",
            discussion: "Without it, and without SNAPPY_FLOW_DATABASE, a private PostgreSQL is started."))
    var database: String?

    @Option(help: "How long to wait for a control database that goes away while a job is followed, such as 60s.")
    var databaseWait = "60s"

    func validate() throws {
        if TimeSpan(databaseWait) == nil { throw ValidationError("--database-wait: expected a time such as 60s, found \(databaseWait)") }
    }

    var wait: TimeSpan { TimeSpan(databaseWait) ?? .seconds(60) }

    /// The place that was named, by option or environment.
    var named: ConnectionSettings? {
        get throws {
            guard let text = database ?? ProcessInfo.processInfo.environment["SNAPPY_FLOW_DATABASE"], !text.isEmpty else { return nil }
            let settings = try ConnectionSettings(parsing: text)
            if let warning = settings.identityWarning { Logger(label: "database").warning("\(warning)") }
            return settings
        }
    }

    /// The settings to connect with, and what keeps the private server alive meanwhile.
    func acquire() async throws -> ControlDatabase {
        if let named = try named { return ControlDatabase(settings: named, lease: nil) }
        let lease = try await EmbeddedCluster.standard().acquire(
            for: EngineStore.session, log: Logger(label: "database"))
        return ControlDatabase(settings: lease.settings, lease: lease)
    }
}

/// A control database in use. A private one runs at least as long as this lives.
struct ControlDatabase: Sendable {
    let settings: ConnectionSettings
    let lease: EmbeddedCluster.Lease?
}
