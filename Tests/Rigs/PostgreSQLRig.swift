import Basics
import Foundation
public import PostgreSQL
import Synchronization

/// One real server a test process, one schema a test.
///
/// The server is an `EmbeddedCluster` in a folder of its own; when the process ends, in whatever way, it stops and its folder goes.
public struct PostgreSQLRig: Sendable {
    /// Connections land in the test's own, empty schema.
    public let settings: ConnectionSettings
    public let schema: String

    private static let server = Task {
        let path = NSTemporaryDirectory() + "/snappy-flow-rig-\(getpid())-\(UInt32.random(in: .min ... .max))"
        return try await EmbeddedCluster(path: path, isDurable: false, isDisposable: true, grace: .seconds(1)).acquire()
    }
    private static let counter = Atomic(0)

    /// A fresh schema.
    public static func start() async throws -> PostgreSQLRig {
        let lease = try await server.value
        let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
        let schema = "test_\(number)"
        let connection = try await Connection.connect(lease.settings)
        try await connection.execute(script: "CREATE SCHEMA \(schema)")
        var settings = lease.settings
        settings.searchPath = schema
        return PostgreSQLRig(settings: settings, schema: schema)
    }
}
