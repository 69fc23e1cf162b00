import Basics
import FlowModel
import StepKit

/// What of a system the step reads: which view, of which point in time, attached or not.
extension StepContext {
    /// As planned, else the type's own.
    func view(of system: String) throws(StepError) -> SystemView {
        let type = plan.systems[system].flatMap { catalog.system($0.type) }
        guard let view = step.views?[system] ?? type?.views.first else {
            throw StepError(
                .invalidSetting, expected: "a system that can be read", found: plan.systems[system]?.type ?? system, at: "step \(step.id)")
        }
        return view
    }

    /// The point in time that belongs to the system; nil to read it live.
    func snapshot(of system: String) throws -> SystemSnapshot? {
        guard let taker = step.snapshots[system] else { return nil }
        guard let recorded = outputs[taker]?["snapshots"]?[system] else {
            throw StepError(
                .windowVoid, expected: "the system snapshot of \(system) that step \(taker) takes", found: "none", at: "step \(step.id)",
                advice: "retry the job: it takes the snapshot anew")
        }
        return try recorded.recordedSnapshot(at: "step \(taker), system \(system)")
    }

    /// What was attached of the system for this step; nil where nothing has to be. Refused where it is of another point in time than the step reads.
    func attachment(of system: String, _ snapshot: SystemSnapshot?) throws -> Attachment? {
        guard let attacher = step.attachments?[system] else { return nil }
        guard let recorded = outputs[attacher]?[Attach.attachments]?[system] else {
            throw StepError(
                .windowVoid, expected: "what step \(attacher) attaches of \(system)", found: "nothing", at: "step \(step.id)",
                advice: "retry the job: it is attached anew")
        }
        let location = "step \(attacher), system \(system)"
        let attachment = try recorded.decoded(as: Attachment.self)
        try SystemSnapshot.requireKey(attachment.key, at: location)
        guard attachment.snapshot == snapshot else {
            throw StepError(
                .windowVoid, expected: "\(system) attached as of \(snapshot?.key ?? "now")",
                found: "as of \(attachment.snapshot?.key ?? "a live system")", at: location,
                advice: "its snapshot was taken anew meanwhile; retry the job: it is attached anew")
        }
        return attachment
    }
}
