import FlowModel
import Basics
import Foundation
import StepKit

/// Thaws by the plug-in, again and again until it works, and leaves word.
struct GuardThawer: Sendable {
    let order: GuardOrder
    let catalog: Catalog
    let secrets: any SecretResolver

    private var verb: (any Verb)? { catalog.verb(undoneBy: order.step.verb) }

    var canThaw: Bool { verb != nil }

    func thaw(_ state: [String: JSONValue], _ reason: GuardReport.Reason) async {
        guard let verb else { return }
        var pause = Duration.milliseconds(100)
        while true {
            do {
                _ = try await verb.undo(context(state))
                return tell(GuardReport(event: .thawed, reason: reason, at: GuardOutput.now))
            } catch {
                let failure = StepError(wrapping: error, at: "step \(order.step.id)")
                tell(GuardReport(event: .thawFailed, reason: reason, error: failure.description, at: GuardOutput.now))
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }

    private func context(_ state: [String: JSONValue]) -> StepContext {
        StepContext(
            job: order.job, tenant: order.tenant, plan: order.plan, step: order.step, attempt: 1, key: order.key,
            settings: Settings(order.settings, origin: "step \(order.step.id)"), outputs: [:], checkpoint: nil, undoState: state,
            catalog: catalog, secrets: secrets, recorder: GuardRecorder(), scratchFolder: order.scratchFolder)
    }

    private func tell(_ report: GuardReport) {
        // Who hears of it finds the file.
        if let bytes = try? JSONValue(encoding: report).canonicalBytes {
            try? Data(bytes).write(to: URL(fileURLWithPath: order.reportPath), options: .atomic)
        }
        GuardOutput.say(report)
    }
}

/// A guard has no database: nothing is recorded, and nothing is known.
private struct GuardRecorder: StepRecorder {
    func log(_ level: LogLevel, _ message: String) {}
    func progress(_ progress: StepProgress) {}
    func checkpoint(_ state: JSONValue) async throws {}
    func recordUndo(_ state: [String: JSONValue]) async throws {}
    func ensureHeld() throws {}
    func base(systemIdentity: String, repositoryID: String) async throws -> Base? { nil }
    func proofs(repositoryID: String) async throws -> [Proof]? { nil }
}
