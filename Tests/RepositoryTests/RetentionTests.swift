import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Testing

@Suite struct RetentionTests {
    /// Snapshots at uneven distances over three years, in one group.
    static let times: [Instant] = (0..<60).map { number in
        Instant(microseconds: 1_700_000_000_000_000 - Int64(number * number) * 27_000_000_000 - Int64(number % 7) * 1_111_000_000)
    }

    static func snapshots(_ times: [Instant] = times) -> [Snapshot] {
        times.enumerated().map { number, time in
            Snapshot(
                id: SHA256Text.id(number), time: time, tree: "", paths: ["/p"], hostname: "h",
                tags: number % 5 == 0 ? ["keep", "x"] : ["x"])
        }
    }

    /// restic itself says what its `forget` would keep.
    @Test func everyPolicyKeepsWhatResticKeeps() async throws {
        let bench = try await Bench()
        let base = try await bench.repository.archive(try source(bench), ArchiveOptions(host: "h")).snapshot
        try await bench.repository.forget([base.id])
        for var snapshot in Self.snapshots() {
            snapshot.tree = base.tree
            try await bench.repository.files.save(ObjectNames.snapshots, snapshot.encoded)
        }
        let stored = try await bench.repository.snapshots()
        #expect(stored.count == 60)
        let cases: [(RetentionPolicy, [String])] = [
            (RetentionPolicy(last: 3), ["--keep-last", "3"]),
            (RetentionPolicy(hourly: 30), ["--keep-hourly", "30"]),
            (RetentionPolicy(daily: 14), ["--keep-daily", "14"]),
            (RetentionPolicy(weekly: 20), ["--keep-weekly", "20"]),
            (RetentionPolicy(monthly: 12), ["--keep-monthly", "12"]),
            (RetentionPolicy(yearly: 3), ["--keep-yearly", "3"]),
            (
                RetentionPolicy(last: 2, daily: 7, weekly: 5, monthly: 12, yearly: 2),
                ["--keep-last", "2", "--keep-daily", "7", "--keep-weekly", "5", "--keep-monthly", "12", "--keep-yearly", "2"]
            ),
            (RetentionPolicy(within: .days(30)), ["--keep-within", "30d"]),
            (RetentionPolicy(daily: 2, tags: [["keep", "x"]]), ["--keep-daily", "2", "--keep-tag", "keep,x"]),
        ]
        for (policy, arguments) in cases {
            let output = try await bench.restic.run(["forget", "--dry-run", "--json", "--no-lock"] + arguments)
            let groups = try JSONDecoder().decode([Group].self, from: Data(output.output.utf8))
            let theirs = Set(groups.flatMap { $0.keep ?? [] }.map(\.id))
            let ours = Set(bench.repository.forgetPlan(policy, among: stored).keep.map(\.id))
            #expect(ours == theirs && !ours.isEmpty && ours.count < 60, "\(arguments)")
        }
    }

    /// Folders whose names only look alike are two, and the newest of each stays.
    @Test func groupsAreTheirBytes() {
        let names = ["caf\u{e9}", "cafe\u{301}"]
        func plan(_ groupBy: Set<RetentionPolicy.Grouping>, _ make: (Int, String) -> Snapshot) -> ForgetPlan {
            ForgetPlan(RetentionPolicy(last: 1, groupBy: groupBy), among: names.enumerated().map { make($0, $1) })
        }
        func snapshot(_ number: Int, path: String = "/p", host: String = "h", tag: String = "x") -> Snapshot {
            Snapshot(id: SHA256Text.id(number), time: Self.times[number], tree: "", paths: [path], hostname: host, tags: [tag])
        }
        #expect(plan([.paths]) { snapshot($0, path: "/srv/" + $1) }.keep.count == 2)
        #expect(plan([.host]) { snapshot($0, host: $1) }.keep.count == 2)
        #expect(plan([.tags]) { snapshot($0, tag: $1) }.keep.count == 2)
        #expect(plan([]) { snapshot($0, path: $1, host: $1, tag: $1) }.keep.count == 1)
        let tagged = names.enumerated().map { snapshot($0, tag: $1) }
        #expect(ForgetPlan(RetentionPolicy(tags: [[names[0]]], groupBy: []), among: tagged).keep.map(\.id) == [tagged[0].id])
    }

    private struct Group: Decodable {
        struct Kept: Decodable { var id: String }
        var keep: [Kept]?
    }

    private func source(_ bench: Bench) throws -> FolderReader {
        try bench.folder.write("source/file", "x")
        return FolderReader(bench.folder("source"))
    }

    @Test func aPolicyThatSaysNothingKeepsEverything() {
        let plan = ForgetPlan(RetentionPolicy(), among: Self.snapshots())
        #expect(plan.remove.isEmpty && plan.keep.count == 60)
    }

    @Test func protectedStayAndOnlyEligibleFillCounts() throws {
        let all = Self.snapshots()
        let plan = ForgetPlan(RetentionPolicy(last: 2), among: all, protected: [all[30].id], eligible: Set(all[4...].map(\.id)))
        #expect(Set(plan.keep.map(\.id)) == [all[4].id, all[5].id, all[30].id])
        let decisions = try #require(plan.groups.first).decisions
        #expect(decisions.first { $0.snapshot.id == all[30].id }?.reasons == ["protected"])
        #expect(decisions.first { $0.snapshot.id == all[4].id }?.reasons == ["last snapshot"])
        #expect(plan.keep.count + plan.remove.count == 60)
    }

    /// restic keeps the oldest snapshot too while a bucket has room; the packaged one is older than this rule.
    @Test func theOldestFillsABucketWithRoom() {
        let plan = ForgetPlan(RetentionPolicy(yearly: 10), among: Self.snapshots())
        #expect(plan.groups.first?.decisions.last?.reasons == ["oldest yearly snapshot"])
        #expect(plan.keep.count == 5)
    }

    @Test func groupsAreCountedApart() {
        var some = Self.snapshots()
        for index in some.indices { some[index].hostname = index % 2 == 0 ? "a" : "b" }
        #expect(ForgetPlan(RetentionPolicy(last: 1), among: some).keep.count == 2)
        #expect(ForgetPlan(RetentionPolicy(last: 1, groupBy: [.paths]), among: some).keep.count == 1)
        #expect(ForgetPlan(RetentionPolicy(last: 1, groupBy: [.tags]), among: some).keep.count == 2)
    }
}

/// Ids for snapshots that are in no repository.
private enum SHA256Text {
    static func id(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 64 - text.count) + text
    }
}
