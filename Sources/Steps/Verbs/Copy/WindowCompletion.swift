import FlowModel
import StepKit
import StorageKit

/// What the quiesced systems of a window add to the copies of its snapshots.
struct WindowCompletion: Sendable {
    private let thawed: [(system: String, output: [String: JSONValue])]
    private let context: StepContext

    /// Of the window in which `snapshot` was taken.
    init(of snapshot: StepID, _ context: StepContext) {
        self.context = context
        guard let window = context.plan.step(snapshot)?.window else {
            thawed = []
            return
        }
        thawed = context.plan.steps.filter { $0.window == window && $0.isCompensation }.flatMap { step in
            let systems = context.outputs[step.id]?["systems"]?.objectValue ?? [:]
            return systems.sorted { $0.key < $1.key }.map { ($0.key, $0.value.objectValue ?? [:]) }
        }
    }

    func completing(_ tree: any TreeReader) async throws -> any TreeReader {
        var tree = tree
        for (name, output) in thawed {
            guard let system = try await context.openSystem(name) as? any TreeCompleting else { continue }
            tree = try await system.completing(tree, thawed: output, context)
        }
        return tree
    }
}
