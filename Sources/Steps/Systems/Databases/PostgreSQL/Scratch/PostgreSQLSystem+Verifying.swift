import Basics
import Foundation
import PostgreSQL
import StepKit

/// A restored copy is started as a scratch server and asked. Dumps that were restored into a declared server are asked there.
extension PostgreSQLSystem: Verifying {
    func check(_ settings: Settings, _ context: StepContext) async throws -> [String: JSONValue] {
        try await check(each: [settings], context).first ?? [:]
    }

    /// One scratch server serves them all. What a copy is, its files say, not `method`: those of a window are a cluster, too.
    func check(each settings: [Settings], _ context: StepContext) async throws -> [[String: JSONValue]] {
        let checks = try settings.map { try ScratchCheck($0) }
        guard let first = settings.first else { return [] }
        guard let restored = context.restoredFolder else {
            guard method == .dump else {
                throw StepError(
                    .invalidSetting, expected: "a base backup restored into the scratch folder",
                    found: "one restored into its `dataFolder`",
                    at: first.origin, advice: "leave `into` out: `verify: copy` with `restore: {checks: [...]}`")
            }
            for check in checks { try await check.ask { [server] in server.connection(to: $0) } }
            return checks.map { ["queries": .int(Int64($0.queries.count))] }
        }
        let trial = try await ScratchTrial(restored: restored, origin: first.origin, server: server, context: context)
        if let cluster = trial.cluster { return try await ClusterTrial(trial, cluster).run(checks) }
        return try await DumpTrial(trial, isTrusted: try self.settings.value(PostgreSQLType.trustDumps)).run(checks)
    }
}
