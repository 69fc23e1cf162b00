import FlowModel
import Basics
import StepKit

/// Waits for a worker outside that takes tasks of a topic and answers. The engine does the waiting; `timeout:` bounds it.
struct External: Verb {
    let declaration = VerbDeclaration(
        name: "external", summary: "Hand a task to an external worker and wait for its answer", subject: .none,
        schema: SettingsSchema([Self.topic.field.idle(meanwhile: Self.meanwhile), Self.variables.field]), workClass: .backup,
        waitsFor: .external,
        outputs: ["variables": "The worker's answer"])

    /// Nothing hands tasks out yet. Said once, of the key that every such step has.
    private static let meanwhile =
        "topic and variables reach no external worker; the step waits until somebody runs `snappy-flow jobs approve JOB STEP`"

    static let topic = Setting<String>.required("topic", "The topic under which external workers ask for tasks")
    static let variables = Setting<[String: JSONValue]>("variables", "Variables for the worker", default: [:])

    func run(_ context: StepContext) async throws -> StepResult { throw StepError.answeredOutside(context) }
}

extension StepError {
    /// A step that waits for an answer has no body.
    static func answeredOutside(_ context: StepContext) -> StepError {
        StepError(
            .failed, expected: "an answer from outside", found: "a call of the step's body", at: "step \(context.step.id)",
            advice: "this is a fault of snappy-flow; report it with the plan")
    }
}
