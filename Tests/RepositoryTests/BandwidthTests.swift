import Basics
import Foundation
@testable import Repository
import Rigs
@testable import StorageKit
import Testing

/// How fast, and when; the clock is the tests' own.
@Suite struct BandwidthTests {
    private let mebibyte = 1 << 20

    @Test func aLineIsNeverFasterThanItIsWide() {
        var line = PacedLine()
        #expect(line.take(1000, rate: 100, at: 50) == 10)
        #expect(line.take(500, rate: 100, at: 50) == 15, "two at once share it")
        #expect(line.take(100, rate: 100, at: 60) == 6)
        #expect(line.take(100, rate: 100, at: 1000) == 1, "what was not used is not saved up")
        #expect(line.take(1 << 40, rate: nil, at: 1000) == 0)
        var other = PacedLine()
        var now = 0.0
        var moved = 0
        for step in 1...1000 {
            now += other.take(step, rate: 1000, at: now)
            moved += step
        }
        #expect(abs(now - Double(moved) / 1000) < 1e-6)
    }

    @Test func spansHoldOnTheirDaysAndOverMidnight() {
        let day = Bandwidth(upload: 1)
        let night = Bandwidth(upload: 2)
        let usual = Bandwidth(upload: 3)
        let schedule = BandwidthSchedule(
            usual: usual,
            hours: [.init(days: [1, 2], from: 480, to: 1080, bandwidth: day), .init(days: [6], from: 1320, to: 360, bandwidth: night)])
        func rate(_ day: Int, _ hour: Int, _ minute: Int = 0) -> Bandwidth { schedule.bandwidth(day: day, minute: hour * 60 + minute) }
        #expect(rate(1, 8) == day && rate(2, 17, 59) == day && rate(1, 18) == usual && rate(1, 7, 59) == usual && rate(3, 12) == usual)
        #expect(rate(6, 22) == night && rate(0, 5, 59) == night && rate(0, 6) == usual && rate(6, 5) == usual && rate(0, 23) == usual)
    }

    @Test func theHourIsThatOfTheDeclaredZone() throws {
        let schedule = BandwidthSchedule(
            usual: Bandwidth(), hours: [.init(from: 480, to: 1080, bandwidth: Bandwidth(upload: 1000, download: 500))],
            timeZone: "Europe/Berlin")
        let limit = BandwidthLimit(schedule)
        func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }
        // In summer Berlin is two hours ahead, in winter one.
        #expect(limit.moved(1000, .upload, at: try date("2026-07-01T05:59:59Z"), seconds: 0) == .zero)
        #expect(limit.moved(1000, .upload, at: try date("2026-07-01T06:00:00Z"), seconds: 1) == .seconds(1))
        #expect(limit.moved(1000, .download, at: try date("2026-07-01T06:00:00Z"), seconds: 1) == .seconds(2), "a line of its own")
        #expect(limit.moved(1000, .upload, at: try date("2026-01-05T06:30:00Z"), seconds: 50) == .zero)
        #expect(limit.moved(1000, .upload, at: try date("2026-01-05T07:00:00Z"), seconds: 60) == .seconds(1))
    }

    @Test func whoeverOpensARepositoryAgainSharesItsLimit() {
        let limits = BandwidthLimits()
        let schedule = BandwidthSchedule(usual: Bandwidth(upload: 5))
        #expect(limits.limit(of: "local:/a", schedule) === limits.limit(of: "local:/a", schedule))
        #expect(limits.limit(of: "local:/a", schedule) !== limits.limit(of: "local:/b", schedule))
    }

    /// Never faster: a slow machine changes nothing.
    @Test func aStoreThatCannotPaceItselfIsPacedByTheObject() async throws {
        let folder = try ScratchFolder("bandwidth")
        let limit = BandwidthLimit(BandwidthSchedule(usual: Bandwidth(upload: Int64(4 * mebibyte), download: Int64(2 * mebibyte))))
        let store = LimitedStore.limited(LocalStore(path: folder.file("repo")), limit)
        try await store.create()
        let bytes = [UInt8](repeating: 1, count: mebibyte / 2)
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 { group.addTask { try await store.put(ObjectName("keys/\(number)"), bytes) } }
            try await group.waitForAll()
        }
        #expect(ContinuousClock.now - began >= .milliseconds(499), "2 MiB at 4 MiB a second")
        let read = ContinuousClock.now
        #expect(try await store.get("keys/1") == bytes)
        #expect(try await store.get("keys/2", range: 0..<Int64(mebibyte / 2)) == bytes)
        #expect(ContinuousClock.now - read >= .milliseconds(499), "1 MiB at 2 MiB a second")
    }
}
