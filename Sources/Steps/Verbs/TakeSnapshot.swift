import Basics
import FlowModel
import StepKit

/// Takes system snapshots; its undo releases them, and former bases.
struct TakeSnapshot: Verb {
    let declaration = VerbDeclaration(
        name: "snapshot", summary: "Hold a point in time of systems, to be copied later",
        subject: .systems(anyOf: [.snapshotting]), schema: SettingsSchema([Self.suffix.field, Self.group.field]), workClass: .window,
        windowRole: .snapshot, acquires: Acquisition(undoVerb: "release", undoneWhen: .usersDone), holdsSystems: .exclusive,
        outputs: ["snapshots": "By system: its system snapshot"])

    static let suffix = Setting<String>("suffix", "A word that the system snapshot's name ends with, where the system shows names")
    static let group = Setting<Bool>("group", "One instant over all systems of the list", default: false)

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
        let types = Set(names.compactMap { context.plan.systems[$0]?.type }).sorted().joined(separator: ", ")
        return StepError(
            .invalidSetting,
            expected: "systems of one type and place that takes several in one instant (ceph-rbd: images of one cluster, without `clone`)",
            found: types, at: "step \(context.step.id)",
            advice: "quiesce them first and leave `group` out: the window holds them at rest from the first snapshot to the last")
    }
}
