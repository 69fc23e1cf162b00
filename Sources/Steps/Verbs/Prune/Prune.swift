import FlowModel
import Basics
import Foundation
import Repository
import StepKit
import StorageKit

/// Forgets repository snapshots by policy, and now and then reclaims their space. Never the last proved ones of a system.
struct Prune: Verb {
    let declaration = VerbDeclaration(
        name: "prune", summary: "Forget old snapshots by policy, and reclaim their space", subject: .repository,
        schema: SettingsSchema([
            Self.keep.field, Self.minProved.field, Self.scope.field, Self.reclaimEvery.field, Self.dryRun.field,
        ]), workClass: .prune, holdsRepositories: .exclusive,
        outputs: [
            "kept": "Snapshots that were kept", "removed": "Snapshots that were removed", "removedIDs": "Their ids",
            "reclaimed": "Bytes by which the repository shrank",
            "wouldRemove": "Snapshots that would have been removed, but for the dry run", "wouldRemoveIDs": "Their ids",
        ])

    static let keep = Setting<[String: JSONValue]>.required("keep", "Which snapshots are kept", type: .object(KeepRules.schema))
    static let minProved = Setting<Int>(
        "minProved", "How many of the newest proved snapshots of each system stay, whatever `keep` says", default: 1,
        type: .integer(1...1000))
    static let scope = SnapshotScope.setting("Whose snapshots are considered: only this pipeline's, or everybody's in the repository")
    static let reclaimEvery = Setting<TimeSpan>("reclaimEvery", "Minimum time between two prunes that reclaim space", default: .days(7))
    static let dryRun = Setting<Bool>("dryRun", "True to report only what would be removed", default: false)

    func problems(in settings: Settings) -> [SettingProblem] {
        let problem = SettingProblem(Self.keep.name) { _ = try KeepRules(try settings.value(Self.keep), origin: settings.origin) }
        return problem.map { [$0] } ?? []
    }

    func run(_ context: StepContext) async throws -> StepResult {
        guard case .repository(let name) = context.step.subject else {
            throw StepError(.invalidSetting, expected: "a repository to prune", found: "something else", at: context.settings.origin)
        }
        let settings = context.settings
        let rules = try KeepRules(try settings.value(Self.keep), origin: settings.origin)
        let isDry = try settings.value(Self.dryRun)
        let scope = SnapshotScope(try settings.value(Self.scope), pipeline: context.plan.pipeline)
        let minProved = try settings.value(Self.minProved)
        let repository = try await context.openRepository(name)
        let state = ReclaimState(context, repositoryID: repository.id)
        let reclaimEvery = try settings.value(Self.reclaimEvery)
        guard let proofs = try await context.recorder.proofs(repositoryID: repository.id) else {
            context.recorder.log(.warning, "nothing is removed: which snapshots are proved is not known without the control database")
            return Self.result(PruneDecision(keep: [], remove: []), reclaimed: 0)
        }
        return try await repository.withLock(isDry ? .shared : .exclusive) { _ in
            let wanted = PruneDecision(
                rules.policy, among: try await repository.snapshots(), scope: scope, proofs: proofs, minProved: minProved,
                now: .now, job: context.job)
            for (snapshot, reason) in wanted.keep {
                context.recorder.log(
                    isDry ? .info : .debug, "\(isDry ? "would keep" : "keep") \(snapshot.shortID) of \(snapshot.hostname): \(reason)")
            }
            for snapshot in wanted.future.prefix(Self.namedAtMost) {
                context.recorder.log(
                    .warning,
                    "\(snapshot.shortID) of \(SnapshotOrigin(snapshot)) is dated in the future, \(SnapshotTime.text(snapshot.time)): it counts for nothing and stays"
                )
            }
            for snapshot in wanted.remove {
                context.recorder.log(
                    .info, "\(isDry ? "would remove" : "remove") \(snapshot.shortID) of \(snapshot.hostname): no rule keeps it")
            }
            guard !isDry else { return Self.dryResult(wanted) }
            try context.recorder.ensureHeld()
            let retained = try await repository.forget(wanted.remove.map(\.id))
            let decision = wanted.keeping(retained, because: "its object is locked for a time")
            for snapshot in wanted.remove where retained.contains(snapshot.id) {
                context.recorder.log(.info, "keep \(snapshot.shortID) of \(snapshot.hostname): its object is locked for a time")
            }
            guard state.isDue(every: reclaimEvery) else { return Self.result(decision, reclaimed: 0) }
            guard try await !repository.snapshots().isEmpty else {
                context.recorder.log(.info, "no snapshot yet: nothing is reclaimed")
                return Self.result(decision, reclaimed: 0)
            }
            let report = try await repository.prune(
                PruneOptions(progress: { progress in
                    context.recorder.progress(
                        StepProgress(
                            bytesDone: Int64(clamping: progress.bytesRepacked), bytesTotal: Int64(clamping: progress.bytesToRepack),
                            current: "reclaiming space"))
                }))
            try state.record()
            let kept = report.packsRetained == 0 ? "" : "; \(report.packsRetained.counted("pack")) locked for a time"
            context.recorder.log(.info, "reclaimed \(ByteCount(bytes: max(report.bytesReclaimed, 0)).approximate)\(kept)")
            Self.log(report, context.recorder)
            return Self.result(decision, reclaimed: report.bytesReclaimed)
        }
    }

    private static let namedAtMost = 20

    private static func log(_ report: PruneReport, _ recorder: any StepRecorder) {
        if report.unfinished.count > 0 {
            recorder.log(
                .info,
                "removed the remains of \(report.unfinished.count.counted("unfinished upload")): \(ByteCount(bytes: report.unfinished.bytes).approximate)"
            )
        }
        if let problem = report.unfinishedProblem {
            recorder.log(
                .warning,
                "uploads that nobody finished were not looked for: \(problem.found), at \(problem.location); \(problem.advice)")
        }
    }

    private static func dryResult(_ decision: PruneDecision) -> StepResult {
        StepResult(outputs: [
            "kept": .int(Int64(decision.keep.count)), "removed": 0, "removedIDs": [], "reclaimed": 0,
            "wouldRemove": .int(Int64(decision.remove.count)),
            "wouldRemoveIDs": .array(decision.remove.prefix(1000).map { .string($0.id) }),
        ])
    }

    private static func result(_ decision: PruneDecision, reclaimed: Int64) -> StepResult {
        StepResult(outputs: [
            "kept": .int(Int64(decision.keep.count)), "removed": .int(Int64(decision.remove.count)),
            "removedIDs": .array(decision.remove.prefix(1000).map { .string($0.id) }), "reclaimed": .int(reclaimed),
        ])
    }
}
