import Basics
import FlowModel
import StepKit

/// Attaches systems to this host, so that they can be read; its undo detaches them in reverse order. The compiler puts it in front of what reads such a view.
struct Attach: Verb {
    let declaration = VerbDeclaration(
        name: "attach", summary: "Attach a system to a host (map it, mount it), so that it can be read there",
        subject: .systems(anyOf: [.attaching]), schema: SettingsSchema([Self.view.field]), workClass: .backup,
        acquires: Acquisition(of: .attachment, undoVerb: "detach", undoneWhen: .usersDone), holdsSystems: .shared, reads: .attachedViews,
        outputs: [Self.attachments: "By system: its attachment; `state` says where it is"])

    static let view = Setting<String>(
        ViewReading.setting, "Which view is attached, if several have to be: the system's files (tree), or its disk (image)",
        type: .choice(SystemView.allCases.map(\.rawValue)))
    static let attachments = "attachments"

    func run(_ context: StepContext) async throws -> StepResult {
        var attachments: [String: JSONValue] = [:]
        for (index, name) in context.subjectSystems.enumerated() {
            try Task.checkCancellation()
            let system = try await context.openSystem(name, as: (any Attaching).self)
            let key = context.key(ofSystemAt: index)
            let snapshot = try context.snapshot(of: name)
            // What an attempt before has left may be of a snapshot that is void.
            if context.attempt > 1 { try await system.detach(key: key, state: [:], context) }
            try context.recorder.ensureHeld()
            let attachment = try await system.attach(try context.view(of: name), of: snapshot, key: key, context)
            attachments[name] = try JSONValue(encoding: attachment)
            try await context.recorder.recordUndo([Self.attachments: .object(attachments)])
        }
        return StepResult(outputs: [Self.attachments: .object(attachments)])
    }

    func undo(_ context: StepContext) async throws -> StepResult {
        try await forEachToTheEnd(context.subjectSystems.enumerated().reversed()) { index, name in
            let system = try await context.openSystem(name, as: (any Attaching).self)
            let state = context.undoState[Self.attachments]?[name]?["state"]?.objectValue ?? [:]
            try await system.detach(key: context.key(ofSystemAt: index), state: state, context)
            context.recorder.log(.info, "detached \(name)")
        }
        return StepResult()
    }
}
