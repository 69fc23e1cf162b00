import Basics
import Foundation
import PostgreSQL
import StepKit

/// One entry of `checks:`: what is looked at on a restored copy.
struct ScratchCheck: Sendable {
    struct Query: Sendable {
        var database: String
        var sql: String
        var expect: String?
    }

    let queries: [Query]
    let manifest: Bool
    let checksums: Bool
    let amcheck: Bool

    private static let queriesSetting = Setting<[[String: JSONValue]]>(
        "queries", "Statements and what they must return", default: [], type: .list(.object(querySchema)))
    private static let manifestSetting = Setting<Bool>(
        "manifest", "Compare every file of a base backup with the server's own manifest (pg_verifybackup)", default: true)
    private static let checksumsSetting = Setting<Bool>(
        "checksums", "Check every page's checksum, where the cluster has them (pg_checksums)", default: true)
    private static let amcheckSetting = Setting<Bool>(
        "amcheck", "Check the structure of tables and indexes (pg_amcheck)", default: false)
    static let schema = SettingsSchema([queriesSetting.field, manifestSetting.field, checksumsSetting.field, amcheckSetting.field])

    private static let databaseSetting = Setting<String>.required("database", "The database to ask")
    private static let sqlSetting = Setting<String>.required("sql", "One statement, which can change nothing")
    private static let expectSetting = Setting<JSONValue>("expect", "The expected first column of the first row, as text")
    private static let querySchema = SettingsSchema([databaseSetting.field, sqlSetting.field, expectSetting.field])

    init(_ settings: Settings) throws(StepError) {
        var queries: [Query] = []
        for (index, values) in try settings.value(Self.queriesSetting).enumerated() {
            let query = Settings(values, origin: "\(settings.origin), query \(index + 1)")
            let expected = try query.optional(Self.expectSetting)
            queries.append(
                Query(
                    database: try query.value(Self.databaseSetting), sql: try query.value(Self.sqlSetting),
                    expect: expected.map { $0.stringValue ?? $0.canonicalText }))
        }
        self.queries = queries
        manifest = try settings.value(Self.manifestSetting)
        checksums = try settings.value(Self.checksumsSetting)
        amcheck = try settings.value(Self.amcheckSetting)
    }

    /// Runs the queries. Throws `.verification` at the first that answers something else.
    func ask(_ connection: @escaping @Sendable (String) -> ConnectionSettings) async throws {
        for query in queries {
            let session = try await Connection.connect(connection(query.database))
            let found: String?
            do {
                try await session.execute(script: "SET default_transaction_read_only = on")
                found = try await session.query(query.sql).first?.firstText
            } catch let error as PostgreSQLError where Self.isOfTheCopy(error) {
                throw failure(query, await RelationNames(connection: connection).explained(error.found))
            }
            if let expect = query.expect, found != expect { throw failure(query, found ?? "no row") }
        }
    }

    /// Everything that a server answers speaks of the copy (a file that is missing, too), except that it goes down or has no room.
    private static func isOfTheCopy(_ error: PostgreSQLError) -> Bool {
        guard let state = error.sqlState, !error.isConnectionLost else { return false }
        return !state.rawValue.hasPrefix("53") && state != .queryCanceled
    }

    private func failure(_ query: Query, _ found: String) -> StepError {
        StepError(
            .verification, expected: query.expect.map { "\($0) from: \(query.sql)" } ?? "an answer to: \(query.sql)", found: found,
            at: "database \(query.database) of the restored copy",
            advice: "the copy does not hold what it should: look at the source and at older copies")
    }
}
