import Basics
import FlowModel
import StepKit
import WorkflowEngine

/// Undoes something of a step that is over, by its key alone: as the step's own undo would, when nothing was recorded of it.
struct HoldingRelease {
    let place: FoundHolding.Place
    let record: HoldingRecord
    let key: String

    func run() async throws {
        let system: any System = place.system
        let recorder = HoldingRecorder(said: place.context.log)
        let context = StepContext(
            job: record.job, tenant: record.tenant, plan: place.plan,
            step: PlannedStep(
                id: record.step, verb: record.undo, subject: .systems([place.name]), undoes: record.acquirer, systems: [place.name]),
            attempt: 1, key: key, settings: Settings([:], origin: "step \(record.step)"), outputs: [:], checkpoint: nil, undoState: [:],
            catalog: Composition.catalog, secrets: place.context.secrets, recorder: recorder, scratchFolder: place.context.scratchFolder,
            host: place.context.host)
        switch record.undo {
        case "release":
            guard let system = system as? any Snapshotting else { throw cannot("snapshots") }
            try await system.release(key: key, context)
        case "detach":
            guard let system = system as? any Attaching else { throw cannot("attachments") }
            try await system.detach(key: key, state: [:], context)
        case "thaw":
            guard let system = system as? any Quiescing else { throw cannot("freezes") }
            try await FormerGuards(key: HostLook.given(key)).end()
            _ = try await system.thaw(key: key, state: [:], context)
        default: throw cannot("what `\(record.undo)` undoes")
        }
    }

    private func cannot(_ what: String) -> StepError {
        StepError(
            .unsupported, expected: "a system that has \(what)", found: place.plan.systems[place.name]?.type ?? "another",
            at: "system \(place.name)", advice: "remove it by hand")
    }
}

/// There is no step whose log or state could be written.
private struct HoldingRecorder: StepRecorder {
    let said: @Sendable (LogLevel, String) -> Void

    func log(_ level: LogLevel, _ message: String) { said(level, message) }
    func progress(_ progress: StepProgress) {}
    func checkpoint(_ state: JSONValue) async throws {}
    func recordUndo(_ state: [String: JSONValue]) async throws {}
    func ensureHeld() throws {}
    func base(systemIdentity: String, repositoryID: String) async throws -> Base? { nil }
    func proofs(repositoryID: String) async throws -> [Proof]? { nil }
}
