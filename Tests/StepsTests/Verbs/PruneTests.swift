import FlowModel
import Basics
import Foundation
import Repository
import Rigs
import StepKit
import Testing

@testable import Steps

@Suite struct PruneTests {
    /// Snapshots `name-1`, the oldest, to `name-count`, one a day.
    private func snapshots(_ name: String, _ count: Int, pipeline: String = "nightly") -> [Snapshot] {
        (1...count).map { day in
            Snapshot(
                id: "\(name)-\(day)", time: Instant(microseconds: Int64(day) * 86_400_000_000), tree: "", paths: ["/\(name)"],
                hostname: name,
                tags: ["pipeline:\(pipeline)", "system:\(name)"])
        }
    }

    private func proofs(_ good: [String], bad: [String] = [], partial: [String] = []) -> [Proof] {
        good.map { Proof(repositoryID: "r", snapshotID: $0, level: .all, isGood: true) }
            + bad.map { Proof(repositoryID: "r", snapshotID: $0, level: .all, isGood: false) }
            + partial.map { Proof(repositoryID: "r", snapshotID: $0, level: .all, isGood: true, details: ["partial": true]) }
    }

    private func removed(
        _ all: [Snapshot], last: Int, _ proofs: [Proof], scope: SnapshotScope = .pipeline("nightly"), minProved: Int = 1,
        now: Int64 = 1000
    ) -> Set<String> {
        let decision = PruneDecision(
            RetentionPolicy(last: last, groupBy: []), among: all, scope: scope, proofs: proofs, minProved: minProved,
            now: Instant(microseconds: now * 86_400_000_000), job: JobID(rawValue: "this"))
        #expect(Set(decision.keep.map(\.snapshot.id)).isDisjoint(with: decision.remove.map(\.id)))
        #expect(decision.keep.count + decision.remove.count <= all.count)
        return Set(decision.remove.map(\.id))
    }

    @Test func countsApplyToEachSystemApart() {
        let all = snapshots("a", 3) + snapshots("b", 4)
        #expect(removed(all, last: 2, []) == ["a-1", "b-1", "b-2"])
    }

    @Test func otherPipelinesStayUnlessTheScopeIsTheRepository() {
        let all = snapshots("a", 3) + snapshots("other", 3, pipeline: "weekly")
        #expect(removed(all, last: 1, []) == ["a-1", "a-2"])
        #expect(removed(all, last: 1, [], scope: .repository) == ["a-1", "a-2", "other-1", "other-2"])
    }

    @Test func systemsOfOneNameInTwoPipelinesAreTwo() {
        let other = snapshots("a", 3, pipeline: "weekly").map { snapshot in
            Snapshot(
                id: "weekly-\(snapshot.id)", time: snapshot.time, tree: "", paths: snapshot.paths, hostname: "a", tags: snapshot.tags)
        }
        #expect(removed(snapshots("a", 2) + other, last: 1, [], scope: .repository) == ["a-1", "weekly-a-1", "weekly-a-2"])
    }

    @Test func theNewestProvedStaysAndOnlyProvedOnesFillCounts() {
        // 2 and 3 are proved, 4 and 5 are not yet: one place, and it is 3's.
        #expect(removed(snapshots("a", 5), last: 1, proofs(["a-2", "a-3"])) == ["a-1", "a-2"])
        #expect(removed(snapshots("a", 5), last: 1, proofs(["a-1", "a-2", "a-3"]), minProved: 2) == ["a-1"])
    }

    @Test func damagedAndPartialOnesFillNoCount() {
        #expect(removed(snapshots("a", 5), last: 1, proofs(["a-1", "a-4"], bad: ["a-3", "a-5"])) == ["a-1", "a-2", "a-3"])
        #expect(
            removed(snapshots("a", 4), last: 1, proofs(["a-2"], partial: ["a-1", "a-3"])) == ["a-1"],
            "a-3 and a-4 are newer than the newest proved")
    }

    @Test func aPartialSnapshotIsKnownByItsTagWhateverItsProof() {
        var all = snapshots("a", 2)
        all[1].tags.append("partial")
        #expect(removed(all, last: 1, proofs(["a-1", "a-2"])) == [])
        #expect(removed(all, last: 1, []) == [], "nothing is proved: the whole one fills the place, and the partial one is newer")
    }

    @Test func theLatestThoroughVerdictCounts() {
        let bad = Proof(repositoryID: "r", snapshotID: "a-2", level: .all, isGood: false)
        let good = { (level: Proof.Level) in Proof(repositoryID: "r", snapshotID: "a-2", level: level, isGood: true) }
        let first = proofs(["a-1"])
        #expect(removed(snapshots("a", 2), last: 1, first + [bad, good(.all)]) == ["a-1"], "the disk was away, and is back")
        #expect(removed(snapshots("a", 2), last: 1, first + [bad, good(.metadata)]) == [], "a listing takes nothing back")
        #expect(removed(snapshots("a", 2), last: 1, first + [good(.all), bad]) == [])
    }

    @Test func whatWasRestoredIsNotGivenUpForWhatWasListed() {
        let proofs = [
            Proof(repositoryID: "r", snapshotID: "a-1", level: .all, isGood: true),
            Proof(repositoryID: "r", snapshotID: "a-2", level: .restore, isGood: true),
            Proof(repositoryID: "r", snapshotID: "a-3", level: .metadata, isGood: true),
        ]
        #expect(removed(snapshots("a", 3), last: 1, proofs) == ["a-1"])
    }

    /// A clock that was wrong once must not cost the copy that was just made.
    @Test func aSnapshotOfTheFutureCountsForNothing() {
        #expect(
            removed(snapshots("a", 4), last: 1, proofs(["a-1", "a-2", "a-4"]), now: 3) == ["a-1"],
            "4 is to come, 3 newer than what is proved")
    }

    /// Neither a proof nor a place is of use to it, and no rule takes it away.
    @Test func aSnapshotOfTheFutureKeepsNothingAndStays() {
        var all = snapshots("a", 3)
        all.append(all[2])
        all[3].id = "a-soon"
        all[3].time = Instant(microseconds: 3 * 86_400_000_000 + 6 * 60_000_000)
        #expect(removed(all, last: 1, proofs(["a-2", "a-3", "a-soon"]), now: 3) == ["a-1", "a-2"], "dated six minutes from now")
        #expect(removed([all[0], all[3]], last: 1, proofs(["a-1", "a-soon"]), now: 3) == [])
    }

    /// One document at several sites, each with a host of its own: one site's copies do not push out another's.
    @Test func systemsOfSeveralHostsAreSeveral() {
        let there = snapshots("a", 3).map { snapshot in
            Snapshot(
                id: "there-\(snapshot.id)", time: snapshot.time, tree: "", paths: snapshot.paths, hostname: "there", tags: snapshot.tags)
        }
        #expect(removed(snapshots("a", 3) + there, last: 2, []) == ["a-1", "there-a-1"])
    }

    @Test func whatARepairLeftReplacesNoWholeOne() {
        var all = snapshots("a", 2)
        all[1].tags.append("repaired")
        #expect(removed(all, last: 1, proofs(["a-1", "a-2"])) == [])
    }

    /// A tag that was added later moves nothing into another pipeline's hands.
    @Test func aSecondPipelinesTagTakesNoSnapshotFromTheFirst() {
        let all = snapshots("a", 3, pipeline: "weekly").map { snapshot in
            var snapshot = snapshot
            snapshot.tags.append("pipeline:nightly")
            return snapshot
        }
        #expect(removed(all, last: 1, []) == [])
    }

    @Test func whatThisJobMadeAndWhatWasProvedLastStay() {
        var all = snapshots("a", 4)
        all[1].tags.append("job:this")
        #expect(removed(all, last: 1, proofs(["a-1", "a-2", "a-3", "a-4"])) == ["a-1", "a-3"])
        #expect(removed(snapshots("a", 3), last: 1, proofs(["a-2", "a-3", "a-1"])) == ["a-2"])
    }

    @Test func whatIsDamagedIsNeverTheOnlyReasonToLoseEverything() {
        #expect(removed(snapshots("a", 3), last: 1, proofs([], bad: ["a-1", "a-2", "a-3"])) == [])
    }

    /// Whatever the proofs: the newest proved one of each system stays.
    @Test func theLastProvedCopyIsNeverDeleted() {
        var random = SeededNumbers(state: 1)
        for _ in 0..<2000 {
            let all = snapshots("a", Int.random(in: 1...8, using: &random)) + snapshots("b", Int.random(in: 1...8, using: &random))
            let good = all.map(\.id).filter { _ in Bool.random(using: &random) }
            let bad = all.map(\.id).filter { !good.contains($0) && Bool.random(using: &random) }
            let gone = removed(all, last: Int.random(in: 1...3, using: &random), proofs(good, bad: bad))
            for name in ["a", "b"] {
                if let newest = all.last(where: { $0.hostname == name && good.contains($0.id) }) { #expect(!gone.contains(newest.id)) }
                #expect(!all.filter { $0.hostname == name }.allSatisfy { gone.contains($0.id) })
            }
        }
    }

    private func copiedThrice() async throws -> StepStage {
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("home"))])
        for day in 1...3 {
            let text = noise(400_000, seed: UInt64(day)).map { String($0) }.joined()
            try stage.write("home/a.txt", "day \(day) \(text)")
            try await stage.run("copy", id: StepID("copy-\(day)"), .systems(["home"]), ["to": "vault"])
        }
        return stage
    }

    @Test func pruneForgetsReclaimsAndResticStaysContent() async throws {
        let stage = try await copiedThrice()
        let result = try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 1]])
        #expect(result.outputs["removed"] == 2)
        #expect((result.outputs["reclaimed"]?.intValue ?? 0) > 300_000)
        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        #expect(try await restic.succeed("dump", "latest", stage.folder.file("home/a.txt")) == stage.read("home/a.txt"))
        #expect(try await stage.store("vault").snapshots().count == 1)
    }

    @Test func spaceIsReclaimedAtMostOnceInItsTime() async throws {
        let stage = try await copiedThrice()
        try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 2]])
        let second = try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 1]])
        #expect(second.outputs["removed"] == 1)
        #expect(second.outputs["reclaimed"] == 0)
        let third = try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 1], "reclaimEvery": "0s"])
        #expect((third.outputs["reclaimed"]?.intValue ?? 0) > 0)
    }

    @Test func nothingIsDeletedWhereProofIsUnknownOrOnADryRun() async throws {
        let stage = try await copiedThrice()
        stage.recorder.set(proofs: nil)
        let unknown = try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 1]])
        #expect(unknown.outputs["removed"] == 0)
        stage.recorder.set(proofs: [])
        let dry = try await stage.run("prune", id: "prune", .repository("vault"), ["keep": ["last": 1], "dryRun": true])
        #expect(dry.outputs["removed"] == 0 && dry.outputs["wouldRemove"] == 2)
        let said = stage.recorder.lines.filter { $0.contains("would") }
        #expect(said.count == 3 && said.filter { $0.contains("would remove") && $0.contains("no rule keeps it") }.count == 2, "\(said)")
        #expect(said.contains { $0.contains("would keep") && $0.contains("last snapshot") }, "\(said)")
        #expect(try await stage.store("vault").snapshots().count == 3)
    }

    @Test func aPolicyThatKeepsNothingIsRefused() async throws {
        let stage = try await copiedThrice()
        let error = await #expect(throws: StepError.self) { try await stage.run("prune", id: "prune", .repository("vault"), ["keep": [:]]) }
        #expect(error?.kind == .invalidSetting)
    }
}
