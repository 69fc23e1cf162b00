import Basics
import FlowModel

/// What `transition.sql` writes for one job: the difference between two values of its run, and the machine's actions.
struct Transition: Sendable {
    var json: JSONValue

    /// `tokens`: the live ones of the acting steps.
    init(
        job: JobID, from old: JobRun, to new: JobRun, actions: [RunAction], tokens: [LiveToken], limits: [String: Int], now: Instant
    ) throws {
        var fields: [String: JSONValue] = [
            "job": .string(job.rawValue), "expected": .int(old.job.version), "progress": try JSONValue(encoding: new.job),
        ]
        fields["tickAt"] = new.nextTick.map { .int($0.microseconds) }
        fields["tokens"] = .array(tokens.map { ["step": .string($0.step.rawValue), "token": .int($0.token)] })
        var changed: [JSONValue] = []
        var added: [JSONValue] = []
        var compensations: [JSONValue] = []
        // Version 0 is a job that has no rows yet.
        let isNew = old.job.version == 0
        for index in isNew ? Array(new.runs.indices) : new.runs.differences(from: old.runs) {
            let known = index < old.runs.count && !isNew
            let row = new.runs[index]
            if known {
                changed.append(try Self.run(row))
            } else {
                added.append(try Self.added(row, new.definition.steps[index], position: index, limits: limits))
            }
            compensations += try Self.compensations(row.id, from: known ? old.runs[index].armed : nil, to: row.armed, now: now)
        }
        fields["steps"] = .array(changed)
        fields["added"] = .array(added)
        fields["compensations"] = .array(compensations)
        var windows: [JSONValue] = []
        for (index, row) in new.windows.enumerated()
        where old.job.version == 0 || row != old.windows[index] || new.definition.windows[index] != old.definition.windows[index] {
            windows.append([
                "id": .string(row.id), "position": .int(Int64(index)), "planned": try JSONValue(encoding: new.definition.windows[index]),
                "run": try JSONValue(encoding: row),
            ])
        }
        fields["windows"] = .array(windows)
        try fields.merge(Self.lists(actions, now: now)) { _, new in new }
        json = JSONValue.object(fields).withoutNUL
    }

    /// `armed` has rows of its own.
    private static func run(_ row: StepRun) throws -> JSONValue {
        guard case .object(var fields) = try JSONValue(encoding: row) else { return .null }
        fields["armed"] = nil
        return .object(fields)
    }

    private static func added(_ row: StepRun, _ step: PlannedStep, position: Int, limits: [String: Int]) throws -> JSONValue {
        let terms = ClaimTerms(step, limits: limits)
        return [
            "id": .string(row.id.rawValue), "position": .int(Int64(position)), "planned": try JSONValue(encoding: step),
            "run": try run(row),
            "class": .int(Int64(terms.workClass.rawValue)), "priority": .int(Int64(terms.priority)),
            "labels": .array(terms.labels.map { .string($0) }), "wants": try JSONValue(encoding: terms.wants),
        ]
    }

    private static func compensations(_ id: StepID, from old: ArmedResource?, to new: ArmedResource?, now: Instant) throws -> [JSONValue] {
        guard old != new else { return [] }
        var rows: [JSONValue] = []
        func add(_ resource: ArmedResource, undoneAt: Instant?) throws {
            var fields: [String: JSONValue] = ["step": .string(id.rawValue), "armed": try JSONValue(encoding: resource)]
            fields["undoneAt"] = undoneAt.map { .int($0.microseconds) }
            rows.append(.object(fields))
        }
        if let old, old.generation != new?.generation { try add(old, undoneAt: now) }
        if let new { try add(new, undoneAt: nil) }
        return rows
    }

    /// The actions that are rows of their own.
    private static func lists(_ actions: [RunAction], now: Instant) throws -> [String: JSONValue] {
        var attempts: [JSONValue] = []
        var releases: [JSONValue] = []
        var events: [JSONValue] = []
        var proofs: [JSONValue] = []
        var bases: [JSONValue] = []
        var released: [JSONValue] = []
        let at = JSONValue.int(now.microseconds)
        for action in actions {
            switch action {
            case .attemptOpened(let id, let number, let token, let worker):
                attempts.append([
                    "step": .string(id.rawValue), "number": .int(Int64(number)), "token": .int(token), "worker": .string(worker.rawValue),
                    "at": at,
                    "outcome": .string(AttemptOutcome.running.rawValue),
                ])
            case .attemptClosed(let id, let number, let outcome, let failure):
                attempts.append([
                    "step": .string(id.rawValue), "number": .int(Int64(number)), "at": at, "outcome": .string(outcome.rawValue),
                    "error": try failure.map { try JSONValue(encoding: $0) } ?? .null,
                ])
            case .releaseHolds(let owner): releases.append(.string(owner.text))
            case .event(let entry):
                events.append([
                    "step": entry.step.map { .string($0.rawValue) } ?? .null, "kind": .string(entry.kind.rawValue),
                    "details": entry.details,
                    "isAlarm": .bool(entry.isAlarm), "at": at,
                ])
            case .proofRecorded(let proof, let step):
                proofs.append(["step": .string(step.rawValue), "proof": try JSONValue(encoding: proof)])
            case .baseRecorded(let base): bases.append(try JSONValue(encoding: base))
            case .baseReleased(let base): released.append(try JSONValue(encoding: base))
            case .refused, .job, .step, .window, .armed, .disarmed, .added, .stopBody, .wake: break
            }
        }
        return [
            "attempts": .array(attempts), "releases": .array(releases), "events": .array(events), "proofs": .array(proofs),
            "bases": .array(bases), "released": .array(released),
        ]
    }
}

extension JSONValue {
    /// PostgreSQL's text can't hold U+0000; outputs and messages of programs can.
    var withoutNUL: JSONValue {
        switch self {
        case .string(let text): .string(text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text)
        case .array(let elements): .array(elements.map(\.withoutNUL))
        case .object(let members):
            .object(
                Dictionary(
                    members.map { ($0.key.replacing("\0", with: "\u{FFFD}"), $0.value.withoutNUL) }, uniquingKeysWith: { first, _ in first }
                ))
        case .null, .bool, .int, .double: self
        }
    }
}
