import Basics
public import StepKit

extension PluginInstance {
    public func inventory(_ context: SystemContext) async throws -> [Holding] {
        try await session.run(stopping: true) { process in
            let result = try process.call("inventory").result
            guard let holdings = HoldingMessage.holdings(result) else {
                throw process.broken("`items` with `kind`, `key` and `name` of each", result.canonicalText)
            }
            return holdings
        }
    }
}
