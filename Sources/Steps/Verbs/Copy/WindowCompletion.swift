import FlowModel
import Basics
import StepKit
import StorageKit

/// What the quiesced systems of a window add to the copies of its snapshots.
struct WindowCompletion: Sendable {
    private let thawed: [(system: String, output: [String: JSONValue])]
    private let window: String?
    private let context: StepContext

    /// Of the window in which `snapshot` was taken. A system whose thaw returned nothing is asked all the same: it says what it lacks.
    init(of snapshot: StepID, _ context: StepContext) {
        self.context = context
        window = context.plan.step(snapshot)?.window
        guard let window else {
            thawed = []
            return
        }
        let thaws = context.plan.steps.filter { step in
            step.window == window && step.undoes.flatMap { context.plan.step($0) }?.verb == Self.quiesce
        }
        thawed = thaws.flatMap { thaw in
            let systems = context.outputs[thaw.id]?["systems"]?.objectValue ?? [:]
            return context.systems(undoneBy: thaw).map { ($0, systems[$0]?.objectValue ?? [:]) }
        }
    }

    private static let quiesce = "quiesce"

    func completing(_ tree: any TreeReader) async throws -> any TreeReader {
        var tree = tree
        for (name, output) in thawed {
            guard let system = try await context.openSystem(name) as? any TreeCompleting else { continue }
            tree = try await system.completing(tree, thawed: output, context)
        }
        return tree
    }

    /// The first of the window's systems that completes its copies and can check what was restored of them.
    func checker() async throws -> String? {
        for (name, _) in thawed {
            let system = try await context.openSystem(name)
            if system is any TreeCompleting, system is any Verifying { return name }
        }
        return nil
    }

    /// What the systems kept for the window's copies may go once nobody reads its snapshots any more: said by the last copy, or by the release of a
    /// snapshot whose copies failed. Two that end at the same moment may both take the other for the last: then it goes by itself, later.
    func endAfterLastCopy() async {
        guard !thawed.isEmpty, readers.allSatisfy({ $0 == context.step.id || context.outputs[$0] != nil }) else { return }
        do {
            try await forEachToTheEnd(thawed) { name, output in
                guard !output.isEmpty, let system = try await context.openSystem(name) as? any TreeCompleting else { return }
                try await system.completed(thawed: output, context)
            }
        } catch {
            let reason = StepError(wrapping: error, at: "step \(context.step.id)")
            context.recorder.log(.warning, "what was kept for the window's copies stays a while: \(reason)")
        }
    }

    /// The steps that read snapshots of the window.
    private var readers: [StepID] {
        context.plan.steps.filter { step in step.snapshots.values.contains { context.plan.step($0)?.window == window } }.map(\.id)
    }
}
