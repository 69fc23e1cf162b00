import Basics
import FlowModel
import StepKit
import StorageKit
import Testing

@testable import Repository
@testable import Steps

/// Which snapshot `latest` is, as a value: no repository takes part.
@Suite struct SnapshotChoiceTests {
    private static let now = Instant(microseconds: 100 * day)
    private static let day: Int64 = 86_400_000_000

    /// A copy of ours, `at` days after the epoch; or, without a system, another program's snapshot.
    private func snapshot(
        _ id: String, _ at: Double, _ system: String? = "home", pipeline: String = "nightly", host: String? = nil, path: String? = nil,
        tags: String...
    ) -> Snapshot {
        Snapshot(
            id: id, time: Instant(microseconds: Int64(at * Double(Self.day))), tree: "", paths: [path ?? "/srv/\(system ?? "theirs")"],
            hostname: host ?? system ?? "nas1", tags: (system.map { ["pipeline:\(pipeline)", "system:\($0)"] } ?? []) + tags)
    }

    /// A document `nightly` that copies these systems into `vault`.
    private func own(_ systems: String..., pipeline: String = "nightly", hosts: [String: String] = [:]) -> OwnSnapshots {
        let plan = Plan(
            pipeline: pipeline,
            systems: Dictionary(
                uniqueKeysWithValues: systems.map {
                    (
                        $0,
                        PlannedSystem(
                            type: "directory", contractVersion: 1, settings: [:], identity: "directory:\($0)", host: hosts[$0] ?? $0)
                    )
                }),
            steps: systems.map {
                PlannedStep(id: StepID("copy-\($0)"), verb: "copy", subject: .systems([$0]), settings: ["to": ["vault", "far"]])
            })
        return OwnSnapshots(of: [plan], in: "vault")
    }

    private func filter(_ change: (inout SnapshotFilter) -> Void) -> SnapshotFilter {
        var filter = SnapshotFilter()
        change(&filter)
        return filter
    }

    private func pick(
        _ text: String, _ all: [Snapshot], _ filter: SnapshotFilter = SnapshotFilter(), own: OwnSnapshots
    ) throws -> PickedSnapshot {
        try SnapshotChoice(text).pick(among: SnapshotList(snapshots: all), filter, own: own, now: Self.now, at: "r")
    }

    private func pick(_ all: [Snapshot], _ filter: SnapshotFilter = SnapshotFilter(), own: OwnSnapshots) throws -> PickedSnapshot {
        try pick("latest", all, filter, own: own)
    }

    private func refusal(
        _ text: String = "latest", of all: [Snapshot], _ filter: SnapshotFilter = SnapshotFilter(), own: OwnSnapshots
    ) throws -> StepError {
        try #require(throws: StepError.self) { try pick(text, all, filter, own: own) }
    }

    // MARK: whose

    @Test func latestIsTheDocumentsOwnWhateverElseIsNewer() throws {
        let all = [
            snapshot("a1", 1), snapshot("a2", 2), snapshot("b3", 3, nil), snapshot("c4", 4, "home", pipeline: "weekly"),
            snapshot("d5", 5, "home", host: "another-site"),
        ]
        let found = try pick(all, own: own("home"))
        #expect(found.snapshot.id == "a2" && found.warnings == [])
        #expect(found.words() == "snapshot a2 of 1970-01-03T00:00:00Z, system home of pipeline nightly, host home, /srv/home")
        // A second copy, or another document that only reads, goes by the pipeline's name.
        #expect(
            try pick([all[0], all[2], all[3]], own: OwnSnapshots(of: [Plan(pipeline: "nightly", steps: [])], in: "away")).snapshot.id
                == "a1")
    }

    @Test func severalSystemsAreListedAndOneIsNamed() throws {
        let all = [snapshot("a1", 1), snapshot("b2", 2, "db"), snapshot("c3", 3, "mail", pipeline: "weekly")]
        let error = try refusal(of: all, own: own("home", "db"))
        #expect(error.code == "several-origins")
        #expect(error.found.contains("system db of pipeline nightly, host db: newest b2 of 1970-01-03T00:00:00Z"), "\(error.found)")
        #expect(error.found.contains("newest a1") && !error.found.contains("mail"), "\(error.found)")
        #expect(error.advice.contains("--system"))
        #expect(try pick(all, filter { $0.system = "home" }, own: own("home", "db")).snapshot.id == "a1")
        // A system that was copied no more is not taken for the others.
        #expect(try pick(all, own: own("db")).snapshot.id == "b2")
    }

    @Test func anotherPipelinesIsNeverTakenForTheDocumentsOwn() throws {
        let all = [snapshot("a1", 1, "home", pipeline: "weekly"), snapshot("b2", 2, nil)]
        for own in [own("home"), own("photos")] {
            let error = try refusal(of: all, own: own)
            #expect(error.code == "no-such-snapshot")
            #expect(error.found.contains("system home of pipeline weekly, host home: newest a1"), "\(error.found)")
            #expect(error.found.contains("(--host nas1 --path /srv/theirs)"), "\(error.found)")
        }
        let home = own("home")
        #expect(throws: StepError.self) { try pick(all, filter { $0.system = "home" }, own: home) }
        #expect(try pick(all, filter { $0.pipeline = "weekly" }, own: home).snapshot.id == "a1")
        #expect(try pick(all, filter { $0.hosts = ["nas1"] }, own: home).snapshot.id == "b2")
        #expect(try pick("a1", all, own: home).snapshot.id == "a1")
    }

    @Test func aFormerNameOrHostIsNamedToBeTaken() throws {
        let all = [snapshot("a1", 1, "house"), snapshot("b2", 2, "home", host: "old")]
        let error = try refusal(of: all, own: own("home"))
        #expect(error.found.contains("--system house") && error.found.contains("--host old"), "\(error.found)")
        #expect(try pick(all, filter { $0.system = "house" }, own: own("home")).snapshot.id == "a1")
        #expect(try pick(all, filter { $0.hosts = ["old"] }, own: own("home")).snapshot.id == "b2")
    }

    @Test func whoOnlyReadsTakesWhatIsThereWhileThatIsOfOneOrigin() throws {
        let drill = OwnSnapshots(of: [Plan(pipeline: "drill", steps: [])], in: "vault")
        let all = [snapshot("a1", 1), snapshot("a2", 2), snapshot("b3", 3, nil)]
        #expect(try pick(Array(all.prefix(2)), own: drill).snapshot.id == "a2")
        #expect(try refusal(of: all, own: drill).code == "several-origins")
        #expect(try pick(all, filter { $0.system = "home" }, own: drill).snapshot.id == "a2")
        // What is of the future makes nothing doubtful.
        #expect(try pick([all[0], snapshot("c", 200, nil)], own: drill).snapshot.id == "a1")
    }

    // MARK: whole, and of this time

    @Test func whatMissesSomethingIsPassedOverAndNamed() throws {
        let all = [snapshot("a1", 1), snapshot("a2", 2, tags: "partial"), snapshot("a3", 3, tags: "repaired")]
        let found = try pick(all, own: own("home"))
        #expect(found.snapshot.id == "a1")
        #expect(found.warnings.count == 2 && found.warnings[0].contains("a3") && found.warnings[1].contains("a2"), "\(found.warnings)")
        let named = try pick("a2", all, own: own("home"))
        #expect(named.snapshot.id == "a2" && named.warnings.count == 1)
        let best = try pick(Array(all.dropFirst()), own: own("home"))
        #expect(best.snapshot.id == "a3", "the best there is")
        #expect(best.warnings.count == 1 && best.warnings[0].contains("so does every other"), "\(best.warnings)")
    }

    @Test func theFutureIsNeverTheLatest() throws {
        let minute = 1.0 / 1440
        let all = [snapshot("a1", 99), snapshot("a2", 100 + 4 * minute), snapshot("a3", 100 + 6 * minute), snapshot("a4", 9000)]
        let found = try pick(all, own: own("home"))
        #expect(found.snapshot.id == "a2", "clocks differ a little")
        #expect(found.warnings.count == 2 && found.warnings.allSatisfy { $0.contains("future") }, "\(found.warnings)")
        #expect(try pick("latest before 2100-01-01", all, own: own("home")).snapshot.id == "a2")
        let named = try pick("a4", all, own: own("home"))
        #expect(named.snapshot.id == "a4" && named.warnings.count == 1)
        #expect(try refusal(of: [all[3]], own: own("home")).found.contains("of the future"))
    }

    @Test func nothingIsTheLatestWhileASnapshotCanNotBeRead() throws {
        var list = SnapshotList(snapshots: [snapshot("a1", 1)])
        list.damaged = [StepError(.failed, expected: "a snapshot", found: "rot", at: "r/snapshots/x")]
        #expect(throws: RepositoryError.self) { try SnapshotChoice("latest").pick(among: list, own: own("home"), now: Self.now, at: "r") }
        #expect(try SnapshotChoice("a1").pick(among: list, own: own("home"), now: Self.now, at: "r").snapshot.id == "a1")
    }

    // MARK: texts and filters

    @Test(arguments: [
        ("latest", "33"), ("latest before 1970-01-03T12:00:00Z", "22"), ("latest before 1970-01-03T12:00:00.5Z", "22"),
        ("latest before 1970-01-03", "11"), ("11", "11"), ("22AB", "22"),
    ])
    func aSnapshotIsChosen(_ text: String, _ id: String) throws {
        let history = (1...3).map { snapshot("\($0)\($0)abc", Double($0)) }
        #expect(try pick(text, history, own: own("home")).snapshot.id == id + "abc")
    }

    @Test(arguments: ["44", "latest before noon", "latest before", "", "1"])
    func whatIsNoSnapshotIsSaid(_ text: String) throws {
        _ = try refusal(text, of: [snapshot("11", 1), snapshot("12", 2)], own: own("home"))
    }

    @Test func theEarlierLimitCountsAndAnIDIsNotReplaced() throws {
        let all = (1...4).map { snapshot("a\($0)", Double($0)) }
        let before = filter { $0.before = all[2].time }
        #expect(try pick(all, before, own: own("home")).snapshot.id == "a2")
        #expect(try pick("latest before 1970-01-03", all, before, own: own("home")).snapshot.id == "a1")
        #expect(try pick("latest before 1970-01-31", all, before, own: own("home")).snapshot.id == "a2")
        #expect(try pick("a1", all, before, own: own("home")).snapshot.id == "a1")
        #expect(try refusal("a4", of: all, before, own: own("home")).expected.contains("before"))
        #expect(try refusal("a4", of: all, filter { $0.hosts = ["nas1"] }, own: own("home")).found.contains("host home"))
    }

    /// As restic 0.14 to 0.18 read them.
    @Test func hostsPathsAndTagsMeanWhatTheyMeanToRestic() {
        var both = snapshot("a", 1, nil, host: "h", tags: "one", "two")
        both.paths = ["/srv/a", "/srv/b"]
        let bare = snapshot("b", 1, nil, host: "g", path: "/srv/a")
        func admitted(_ change: (inout SnapshotFilter) -> Void) -> [String] { filter(change).admitted([both, bare]).map(\.id) }
        #expect(admitted { _ in } == ["a", "b"])
        #expect(admitted { $0.hosts = ["h", "g"] } == ["a", "b"] && admitted { $0.hosts = ["H"] } == [])
        #expect(admitted { $0.paths = ["/srv/a"] } == ["a", "b"] && admitted { $0.paths = ["/srv/a", "/srv/b"] } == ["a"])
        #expect(admitted { $0.paths = ["/srv"] } == [])
        #expect(admitted { $0.tags = [SnapshotFilter.tagList("one, two")] } == ["a"])
        #expect(admitted { $0.tags = [SnapshotFilter.tagList("one,three")] } == [])
        #expect(admitted { $0.tags = [["three"], ["two"]] } == ["a"] && admitted { $0.tags = [SnapshotFilter.tagList("")] } == ["b"])
    }

    @Test func whatIsToBeRestoredNarrowsTheChoiceButNeverToNothing() throws {
        let all = [snapshot("a1", 1), snapshot("b2", 2, nil, path: "/srv/photos")]
        func held(_ path: String) throws -> String { try pick(all, filter { $0.holding = [TreePath(path)] }, own: own("home")).snapshot.id }
        #expect(try held("/srv/photos/2026") == "b2")
        #expect(try held("/srv/home/deep") == "a1" && held("/srv") == "a1" && held("/elsewhere") == "a1")
    }

    @Test func whatARepositoryHoldsIsSafeToShow() throws {
        let odd = snapshot("a1", 1, nil, host: "h\u{1B}[2J", path: "/srv/\u{9B}x'y")
        let error = try refusal(of: [odd], own: own("home"))
        #expect(!error.found.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }, "\(error.found)")
    }

    /// A host or path that only looks like another is another machine's.
    @Test func originsAreTheirBytes() {
        let (one, other) = ("caf\u{e9}", "cafe\u{301}")
        let snapshots = [one, other].map { snapshot("id of \($0.utf8.count)", 1, nil, host: $0, path: "/srv/\($0)") }
        #expect(SnapshotOrigin(snapshots[0]) != SnapshotOrigin(snapshots[1]))
        #expect(Set(snapshots.map { SnapshotOrigin($0) }).count == 2)
        var filter = SnapshotFilter()
        filter.hosts = [one]
        #expect(filter.admitted(snapshots).map(\.id) == [snapshots[0].id])
        filter.hosts = []
        filter.paths = ["/srv/\(other)"]
        #expect(filter.admitted(snapshots).map(\.id) == [snapshots[1].id])
    }

    @Test func theParentIsOfTheSameOrigin() {
        let origin = SnapshotOrigin(pipeline: "nightly", system: "home", host: "h")
        let theirs = snapshot("t", 1, nil, host: "h")
        let ours = snapshot("o", 2, "home", host: "h", tags: "partial")
        let others = [snapshot("w", 3, "home", pipeline: "weekly", host: "h"), snapshot("s", 4, "photos", host: "h")]
        #expect(origin.parent(among: [theirs] + others)?.id == "t", "a repository that another program made is taken over")
        #expect(origin.parent(among: [theirs, ours] + others + [snapshot("u", 5, nil, host: "h")])?.id == "o")
        #expect(origin.parent(among: others) == nil)
    }
}
