import Basics
import FlowModel
import StepKit

/// Takes system snapshots; its undo releases them, and former bases.
struct TakeSnapshot: Verb {
    let declaration = VerbDeclaration(
        name: "snapshot", summary: "Take snapshots of systems, to be copied later",
        subject: .systems(anyOf: [.snapshotting]),
        schema: SettingsSchema([
            Self.suffix.field.idle(meanwhile: "leave it out: the names are snappy-flow's own"), Self.group.field,
        ]), workClass: .window,
        windowRole: .snapshot, acquires: Acquisition(of: .snapshot, undoVerb: "release", undoneWhen: .usersDone), holdsSystems: .exclusive,
        outputs: ["snapshots": "By system: its system snapshot"])

    static let suffix = Setting<String>("suffix", "A suffix for the system snapshot's name, if the system shows names")
    static let group = Setting<Bool>("group", "True to take all systems of the list at one instant", default: false)

    func problems(in settings: Settings, about subject: StepSubject) -> [SettingProblem] {
        guard (try? settings.value(Self.group)) == true, subject.systems.count > 1 else { return [] }
        let places = subject.systems.map { $0.type.groupPlace($0.settings) }
        // A place that depends on parameters may be that of the others.
        let known = places.compactMap { $0 }.filter { !$0.contains("${") }
        let types = Set(subject.systems.map { $0.type.name })
        guard places.contains(nil) || Set(known).count > 1 || types.count > 1 else { return [] }
        let error = Self.ungroupable(types: types, at: settings.origin)
        return [SettingProblem(Self.group.name, expected: error.expected, found: error.found, advice: error.advice)]
    }

    func run(_ context: StepContext) async throws -> StepResult {
        let names = context.subjectSystems
        if try context.settings.value(Self.group), names.count > 1 { return try await takeGroup(names, context) }
        var snapshots: [String: JSONValue] = [:]
        for (index, name) in names.enumerated() {
            try Task.checkCancellation()
            let system = try await context.openSystem(name, as: (any Snapshotting).self)
            let key = context.key(ofSystemAt: index)
            try context.recorder.ensureHeld()
            let former = try await isRepeated(context) ? system.find(key: key, context) : nil
            let snapshot: SystemSnapshot
            if let former { snapshot = former } else { snapshot = try await system.snapshot(key: key, context) }
            snapshots[name] = try JSONValue(encoding: snapshot)
            try await context.recorder.recordUndo(["snapshots": .object(snapshots)])
        }
        return StepResult(outputs: ["snapshots": .object(snapshots)])
    }

    /// All or none: snapshots that a former attempt took of some are of another instant.
    private func takeGroup(_ names: [String], _ context: StepContext) async throws -> StepResult {
        var members: [GroupMember] = []
        for (index, name) in names.enumerated() {
            guard let system = try await context.openSystem(name, as: (any Snapshotting).self) as? any GroupSnapshotting,
                system.groupPlace != nil
            else { throw ungroupable(names, context) }
            members.append(GroupMember(system: system, key: context.key(ofSystemAt: index)))
        }
        guard let first = members.first, Set(members.map(\.system.groupPlace)).count == 1,
            Set(names.map { context.plan.systems[$0]?.type }).count == 1
        else { throw ungroupable(names, context) }
        var found: [SystemSnapshot] = []
        for member in members {
            if let snapshot = try await member.system.find(key: member.key, context) { found.append(snapshot) }
        }
        if found.count < members.count || !first.system.areOfOneInstant(found) {
            for member in members { try await member.system.release(key: member.key, context) }
            try context.recorder.ensureHeld()
            found = try await first.system.snapshot(key: first.key, with: Array(members.dropFirst()), context)
        }
        var snapshots: [String: JSONValue] = [:]
        for (name, snapshot) in zip(names, found) { snapshots[name] = try JSONValue(encoding: snapshot) }
        try await context.recorder.recordUndo(["snapshots": .object(snapshots)])
        return StepResult(outputs: ["snapshots": .object(snapshots)])
    }

    /// Whether an attempt before this one may have left something: each has its row before its body runs, and keys are never given twice. A database that lost
    /// its last rows (a failover, an old backup of it) may not know of one: systems then say that the snapshot exists, or find it themselves.
    private func isRepeated(_ context: StepContext) -> Bool { context.attempt > 1 }

    func undo(_ context: StepContext) async throws -> StepResult {
        let names = context.subjectSystems
        // A former base lies under a key of an earlier job; releasing it where it is not does nothing.
        let former = try context.undoState["former"]?.recordedSnapshot(at: "step \(context.step.id)")
        let kept = Set(context.undoState["kept"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        try await forEachToTheEnd(names.enumerated()) { index, name in
            let key = former?.key ?? context.key(ofSystemAt: index)
            let system = try await context.openSystem(name, as: (any Snapshotting).self)
            guard former != nil || !kept.contains(key) else { return try await system.retire(key: key, context) }
            try await system.release(key: key, context)
        }
        if former == nil, let snapshot = context.step.undoes { await WindowCompletion(of: snapshot, context).endAfterLastCopy() }
        return StepResult()
    }

    /// Saying so beats a group that is none.
    private func ungroupable(_ names: [String], _ context: StepContext) -> StepError {
        Self.ungroupable(types: Set(names.compactMap { context.plan.systems[$0]?.type }), at: "step \(context.step.id)")
    }

    private static func ungroupable(types: Set<String>, at location: String) -> StepError {
        StepError(
            .invalidSetting,
            expected: "systems of one type and place that takes several in one instant (ceph-rbd: images of one cluster, without `clone`)",
            found: types.sorted().joined(separator: ", "), at: location,
            advice: "quiesce them first and leave `group` out: the window holds them at rest from the first snapshot to the last")
    }
}
