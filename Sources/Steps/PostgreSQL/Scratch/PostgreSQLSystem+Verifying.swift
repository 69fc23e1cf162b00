import FlowModel
import Foundation
import PostgreSQL
import StepKit

/// A restored copy is started as a scratch server and asked. Dumps that were restored into a declared server are asked there.
extension PostgreSQLSystem: Verifying {
    static var checkSchema: SettingsSchema { ScratchCheck.schema }

    func check(_ settings: Settings, _ context: StepContext) async throws -> [String: JSONValue] {
        let check = try ScratchCheck(settings)
        guard let restored = context.restoredFolder else {
            guard method == .dump else {
                throw StepError(
                    .invalidSetting, expected: "a base backup restored into the scratch folder",
                    found: "one restored into its `dataFolder`",
                    at: settings.origin, advice: "leave `into` out: `verify: copy` with `restore: {checks: [...]}`")
            }
            try await check.ask { server.connection(to: $0) }
            return ["queries": .int(Int64(check.queries.count))]
        }
        let trial = try await ScratchTrial(restored: restored, check: check, origin: settings.origin, server: server, context: context)
        return method == .base ? try await trial.checkCluster() : try await trial.checkDumps()
    }
}
