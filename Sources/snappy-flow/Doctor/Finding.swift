import Basics
import FlowControl
import StepKit
import WorkflowEngine

/// One thing that `doctor` has found, good or bad. docs/doctor.md has its JSON.
struct Finding {
    /// What it means for whoever asks; the exit status goes by the worst.
    enum Severity: String {
        /// As it should be.
        case ok
        /// Worth knowing, and nothing to mend.
        case note
        /// May cost something some day; changes no exit status.
        case warning
        /// A backup, a restore or an undo would fail of it.
        case error
        /// Something is held or lies there, and nobody undoes it.
        case held
    }

    var severity: Severity
    /// The title that it stands under: `This machine`, `Pipeline home`.
    var section: String
    var text: String
    /// What to do; empty where there is nothing to.
    var remedy = ""
    /// Why an undo failed last.
    var error: Explanation?
    /// What lies outside, where it is about that.
    var outside: OutsideFinding?
    /// What was found wrong is mended now, by this call.
    var isMended = false

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "severity": .string(severity.rawValue), "section": .string(section), "text": .string(text), "mended": .bool(isMended),
        ]
        if !remedy.isEmpty { members["remedy"] = .string(remedy) }
        if let error { members["error"] = .string("\(error)") }
        if let outside { members["holding"] = outside.json }
        return .object(members)
    }
}

/// Something that a step has made or frozen, as it was found and as it stands with the control database.
struct OutsideFinding {
    enum Standing: String {
        /// A job that goes on holds it, its undo is owed, or it is a base.
        case known
        /// Its undo is owed, and nobody does it.
        case late
        /// A job of this database made it, which is over, and nobody undoes it any more.
        case unknown
        /// Of another database, or of a job that this one has forgotten: not ours to judge.
        case foreign
        /// The control database could not be asked.
        case unjudged
    }

    var standing: Standing
    var holding: Holding
    /// The system that showed it; nil: this host.
    var system: String?
    var record: HoldingRecord?

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "standing": .string(standing.rawValue), "kind": .string(holding.kind.rawValue), "key": .string(holding.key),
            "name": .string(holding.name),
        ]
        members["since"] = (record?.armedAt ?? holding.since).map { .string("\(Timestamp($0))") }
        members["system"] = system.map { .string($0) }
        if let record {
            members["job"] = .string(record.job.rawValue)
            members["step"] = .string(record.acquirer.rawValue)
            members["pipeline"] = .string(record.pipeline)
            members["claim"] = record.claim.map { .string($0.rawValue) }
            members["host"] = record.host.map { .string($0) }
        }
        return .object(members)
    }
}
