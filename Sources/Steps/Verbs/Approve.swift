import FlowModel
import Basics
import StepKit

/// Waits for a person. The engine does the waiting; `timeout:` bounds it.
struct Approve: Verb {
    let declaration = VerbDeclaration(
        name: "approve", summary: "Wait until somebody says yes", subject: .none, schema: SettingsSchema([Self.by.field]),
        workClass: .backup,
        waitsFor: .approval, outputs: ["by": "Who approved"])

    static let by = Setting<[String]>("by", "Users and groups that may answer; by default, anybody")

    func run(_ context: StepContext) async throws -> StepResult { throw StepError.answeredOutside(context) }
}
