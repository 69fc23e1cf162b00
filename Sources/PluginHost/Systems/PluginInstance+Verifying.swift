public import Basics
public import StepKit
import StorageKit

/// Checks of a plug-in's own of what was restored.
extension PluginInstance {
    public func check(_ settings: Settings, _ context: StepContext) async throws -> [String: JSONValue] {
        try await check(each: [settings], context).first ?? [:]
    }

    public func check(each checks: [Settings], _ context: StepContext) async throws -> [[String: JSONValue]] {
        let asked = checks.map { JSONValue.object(["settings": .object(plugin.checkValues($0)), "origin": .string($0.origin)]) }
        let arguments = plugin.arguments(
            ["checks": .array(asked), "restored": context.restoredFolder.map { .string($0) } ?? .null], context)
        do {
            return try await session.run(stopping: true) { process in
                let result = try process.call("check", arguments).result
                let facts = result["facts"]?.arrayValue?.compactMap(\.objectValue) ?? []
                // A check that nobody ran is not passed.
                guard facts.count == asked.count else {
                    throw process.broken("the facts of \(asked.count) checks", result.canonicalText)
                }
                return facts
            }
        } catch let error as StorageError {
            // Which of the two it is says whether the copy is bad: its kind.
            throw StepError(error.explanation)
        }
    }
}
