import FlowModel
import Basics
import StepKit

/// Freezes systems, one after another; its undo thaws them in reverse order.
struct Quiesce: Verb {
    let declaration = VerbDeclaration(
        name: "quiesce", summary: "Bring applications to a consistent rest until the snapshots below are taken",
        subject: .systems(anyOf: [.quiescing]), schema: SettingsSchema([Self.maxHold.field]), workClass: .window, windowRole: .opens,
        acquires: Acquisition(of: .freeze, undoVerb: "thaw", undoneWhen: .windowSealed), holdsSystems: .exclusive,
        outputs: ["systems": "By system: what its freeze returned"], undoOutputs: ["systems": "By system: what its thaw returned"])

    static let maxHold = Setting<TimeSpan>("maxHold", "Maximum time that the systems may stay frozen; by default, what their types say")

    /// In what a thaw returns of a system: why the freeze did not last. The window is void then.
    static let lost = "lost"

    func run(_ context: StepContext) async throws -> StepResult {
        var states: [String: JSONValue] = [:]
        for (index, name) in context.subjectSystems.enumerated() {
            try Task.checkCancellation()
            let system = try await context.openSystem(name, as: (any Quiescing).self)
            try context.recorder.ensureHeld()
            let outputs = try await system.quiesce(key: context.key(ofSystemAt: index), maxHold: try maxHold(of: name, context), context)
            states[name] = .object(outputs)
            try await context.recorder.recordUndo(["systems": .object(states)])
            context.recorder.log(.info, "froze \(name)")
        }
        return StepResult(outputs: ["systems": .object(states)])
    }

    /// Every system is thawed, also one whose freeze was never recorded; one that fails does not keep the others frozen.
    func undo(_ context: StepContext) async throws -> StepResult {
        var outputs: [String: JSONValue] = [:]
        var losses: [(name: String, reason: String)] = []
        try await forEachToTheEnd(context.subjectSystems.enumerated().reversed()) { index, name in
            let system = try await context.openSystem(name, as: (any Quiescing).self)
            let state = context.undoState["systems"]?[name]?.objectValue ?? [:]
            let output = try await system.thaw(key: context.key(ofSystemAt: index), state: state, context)
            outputs[name] = .object(output)
            if let reason = Self.loss(output, of: system, frozenAs: state) { losses.append((name, reason)) }
            context.recorder.log(.info, "thawed \(name)")
        }
        let result = StepResult(outputs: ["systems": .object(outputs)])
        guard let (name, reason) = losses.first else { return result }
        return StepResult(
            outputs: result.outputs,
            failure: StepError(
                .windowVoid, expected: "\(name) to rest until the snapshots were taken", found: reason, at: "step \(context.step.id)",
                advice: "look why the session ended; the window is taken anew", retry: .transient))
    }

    /// Why a freeze did not last until its thaw. That a session lasted, only the session itself can say: when its thaw says nothing, it did not.
    private static func loss(_ output: [String: JSONValue], of system: any Quiescing, frozenAs state: [String: JSONValue]) -> String? {
        if let reason = output[lost]?.stringValue { return reason }
        return system.quiesceKind == .session && !state.isEmpty && output.isEmpty ? "its session said nothing of its end" : nil
    }

    private func maxHold(of system: String, _ context: StepContext) throws(StepError) -> TimeSpan {
        if let declared = try context.settings.optional(Self.maxHold) { return declared }
        return context.plan.systems[system].flatMap { context.catalog.system($0.type) }?.defaultMaxHold ?? .seconds(30)
    }
}
