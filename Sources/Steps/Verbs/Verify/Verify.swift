import FlowModel
import Basics
import Foundation
import Repository
import StepKit

/// Proves copies: reads them, or restores them and looks at what comes out.
struct Verify: Verb {
    let declaration = VerbDeclaration(
        name: "verify", summary: "Prove copies by reading or restoring them", subject: .copyStepOrRepository,
        schema: SettingsSchema([Self.read.field, Self.everyByteWithin.field, Self.from.field, Self.scope.field, Self.restore.field]),
        workClass: .verify,
        acquires: Acquisition(of: .scratch, undoVerb: "drop", undoneWhen: .stepEnded, onlyWithSetting: "restore"),
        holdsRepositories: .shared,
        outputs: [
            "level": "How thoroughly: metadata, sample, all or restore", "snapshots": "How many snapshots were proved",
            "bytesRead": "Bytes of packs that were read",
        ])

    static let read = Setting<ReadDepth>(
        "read", "How much is read: metadata, a share such as 10%, or all; metadata by default, if nothing is restored")
    static let everyByteWithin = Setting<TimeSpan>(
        "everyByteWithin", "Maximum time between full reads: everything is read if the last full read of the previous copy is older")
    static let from = Setting<String>(
        "from", "For a copy into several repositories: verify only what is in this one", type: .repositoryName)
    static let scope = SnapshotScope.setting("For a repository: verify the newest snapshots of this pipeline, or of every origin in it")
    static let restore = Setting<[String: JSONValue]>(
        "restore", "Restore into a scratch folder, or into a system, and check the result", type: .object(RestoreTrial.schema))

    func problems(in settings: Settings, about subject: StepSubject) -> [SettingProblem] {
        guard let values = try? settings.optional(Self.restore), let trial = try? RestoreTrial(values, origin: settings.origin) else {
            return []
        }
        return trial.problems(about: subject).map { problem in
            SettingProblem(Self.restore.name, expected: problem.expected, found: problem.found, advice: problem.advice)
        }
    }

    func run(_ context: StepContext) async throws -> StepResult {
        let settings = context.settings
        let trial = try settings.optional(Self.restore).map { try RestoreTrial($0, origin: settings.origin) }
        let asked = try settings.optional(Self.read) ?? (trial == nil ? .metadata : nil)
        var result = StepResult()
        var findings: [Finding] = []
        var unreadable: [any ExplainedError] = []
        for target in try await targets(context) {
            try Task.checkCancellation()
            // What is proved is the store's, not what this machine has kept of it.
            let repository = try await context.openRepository(target.repository).uncached
            let list = try await repository.snapshotList()
            if target.snapshotID == nil { unreadable += list.damaged }
            for snapshot in try snapshots(of: target, among: list.snapshots, at: repository.location, context) {
                var finding = Finding(snapshot)
                if let depth = try await depth(asked, snapshot, list.snapshots, repository, context) {
                    try await check(snapshot, in: repository, depth, context, &finding)
                }
                if let trial, finding.isGood {
                    try await trial.run(
                        snapshot, checkedBy: try await checker(of: target.system ?? SnapshotTag.system(of: snapshot), context),
                        in: repository, context, &finding)
                }
                // What a cancel made it stumble over says nothing of the copy.
                if !finding.isGood { try Task.checkCancellation() }
                findings.append(finding)
                result.proofs.append(finding.proof(repositoryID: repository.id, isPartial: target.isPartial))
                context.recorder.log(finding.isGood ? .info : .error, finding.summary)
            }
        }
        result.outputs = [
            "level": .string(findings.map(\.level).min()?.rawValue ?? "metadata"), "snapshots": .int(Int64(findings.count)),
            "bytesRead": .int(Int64(clamping: findings.reduce(0) { $0 + $1.bytesRead })),
        ]
        if let bad = findings.first(where: { !$0.isGood }) {
            result.failure = StepError(
                .verification, expected: "snapshot \(bad.snapshot.shortID) to be whole",
                found: bad.problems.prefix(3).joined(separator: "; "),
                at: "step \(context.step.id)", advice: bad.advice)
        }
        if let first = unreadable.first, result.failure == nil {
            // The newest of a system may be one of them: what was proved may be an older one.
            result.failure = StepError(
                .verification, expected: "every snapshot of the repository to be readable",
                found: "\(unreadable.count) damaged: \(first.found)", at: first.location,
                advice: "restore the object from another copy of the repository, or remove it and copy again")
        }
        return result
    }

    /// Removes what a restore left in the scratch folder. What was restored into a declared system stays there.
    func undo(_ context: StepContext) async throws -> StepResult {
        try await ScratchRestore(context).remove()
        return StepResult()
    }

    // MARK: what to prove

    private struct Target: Sendable {
        var repository: String
        /// Nil for every snapshot of the pipeline in the repository.
        var snapshotID: String?
        var system: String?
        var isPartial = false
    }

    private func targets(_ context: StepContext) async throws -> [Target] {
        let only = try context.settings.optional(Self.from)
        switch context.step.subject {
        case .repository(let name): return [Target(repository: name)]
        case .step(let step):
            let copies = try CopyRecord.copies(of: step, in: context.outputs).filter { only == nil || $0.repository == only }
            guard !copies.isEmpty else {
                throw StepError(
                    .invalidSetting, expected: "copies that step \(step) made" + (only.map { " in \($0)" } ?? ""), found: "none",
                    at: context.settings.origin,
                    advice: "verify what was copied; `from` names one of the step's repositories")
            }
            return copies.map {
                Target(repository: $0.repository, snapshotID: $0.snapshotID, system: $0.system, isPartial: !$0.missed.isEmpty)
            }
        default:
            throw StepError(.invalidSetting, expected: "a copy step or a repository", found: "something else", at: context.settings.origin)
        }
    }

    /// Of a repository: the latest snapshot of each origin in scope, which is what a restore would take.
    private func snapshots(
        of target: Target, among all: [Snapshot], at location: String, _ context: StepContext
    ) throws -> [Snapshot] {
        if let id = target.snapshotID {
            guard let found = all.first(where: { $0.id == id }) else {
                throw StepError(
                    .noSuchSnapshot, expected: "snapshot \(id.prefix(8)), which the copy step made", found: "none",
                    at: location, advice: "look who removed it: `restic snapshots`, and the repository's own logs")
            }
            return [found]
        }
        let scope = SnapshotScope(try context.settings.value(Self.scope), pipeline: context.plan.pipeline)
        let histories = scope.histories(of: all, now: .now)
        for warning in histories.flatMap(\.warnings).prefix(20) { context.recorder.log(.warning, warning) }
        let newest = histories.compactMap(\.latest)
        guard !newest.isEmpty else {
            // Proving nothing is no success.
            throw StepError(
                .noSuchSnapshot,
                expected: scope == .repository ? "a snapshot to prove" : "snapshots of pipeline \(context.plan.pipeline) to prove",
                found: "none of \(all.count)", at: location,
                advice: "copy something first; `scope: repository` proves what other pipelines copied")
        }
        return newest
    }

    /// The system that was copied; of files that are snapshotted in a window, the quiesced system that makes a backup of them.
    private func checker(of system: String?, _ context: StepContext) async throws -> String? {
        guard let system, context.plan.systems[system] != nil, try await !(context.openSystem(system) is any Verifying) else {
            return system
        }
        let copies = context.plan.steps.filter { step in
            guard case .step(let copy) = context.step.subject else { return true }
            return step.id == copy || step.id.rawValue.hasPrefix("\(copy)[")
        }
        guard let snapshot = copies.lazy.compactMap({ $0.snapshots[system] }).first else { return system }
        return try await WindowCompletion(of: snapshot, context).checker() ?? system
    }

    // MARK: reading

    private func depth(
        _ asked: ReadDepth?, _ snapshot: Snapshot, _ all: [Snapshot], _ repository: Repository, _ context: StepContext
    ) async throws -> ReadDepth? {
        guard let span = try context.settings.optional(Self.everyByteWithin), asked != .all else { return asked }
        let readings = FullReadings(try await context.recorder.proofs(repositoryID: repository.id) ?? [], among: all, now: .now)
        return readings.wasRead(SnapshotOrigin(snapshot), within: span) ? asked : .all
    }

    private func check(
        _ snapshot: Snapshot, in repository: Repository, _ depth: ReadDepth, _ context: StepContext, _ finding: inout Finding
    ) async throws {
        let recorder = context.recorder
        let report = try await repository.check(
            CheckOptions(
                snapshot: snapshot, read: depth.checkRead,
                progress: { progress in
                    recorder.progress(
                        StepProgress(
                            bytesDone: Int64(clamping: progress.bytesRead), bytesTotal: Int64(clamping: progress.bytesToRead),
                            itemsDone: Int64(clamping: progress.packsRead), itemsTotal: Int64(clamping: progress.packsToRead),
                            current: "reading packs"))
                }))
        finding.read(depth, report)
    }
}
