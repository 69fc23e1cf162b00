import Glibc
import Rigs
import StorageKit
import Testing

@testable import CephSteps

/// What an image says that it holds.
@Suite struct RBDExtentsTests {
    /// What lies between ranges that ascend.
    private static func gaps(_ ranges: [Range<Int64>], below end: Int64) -> [Range<Int64>] {
        let starts = [0] + ranges.map(\.upperBound)
        return zip(starts, ranges.map(\.lowerBound) + [end]).filter { $0 < $1 }.map { $0..<$1 }
    }

    private static func areEqual(_ one: [UInt8], _ other: [UInt8], beside ranges: [Range<Int64>]) -> Bool {
        one.withUnsafeBytes { one in
            other.withUnsafeBytes { other in
                gaps(ranges, below: Int64(one.count)).allSatisfy { gap in
                    let start = Int(gap.lowerBound)
                    return memcmp(one.baseAddress! + start, other.baseAddress! + start, gap.count) == 0
                }
            }
        }
    }

    /// Wherever its parts begin and end, and however long they are.
    @Test(arguments: [
        [], ["--image-feature", "layering"], ["--object-size", "1M"],
        ["--image-feature", "layering,exclusive-lock,object-map,fast-diff", "--stripe-unit", "65536", "--stripe-count", "4"],
    ])
    func whatItsPartsHoldIsWhatItHolds(_ options: [String]) async throws {
        var random = SeededNumbers(state: 1)
        let size: Int64 = (250 << 20) + 4096
        let scratch = try await ScratchImage(size: size, options)
        for _ in 0..<40 {
            try scratch.write(
                noise(.random(in: 1...70_000, using: &random), seed: random.next()), at: .random(in: 0..<size - 70_000, using: &random))
        }
        try scratch.write(noise(20 << 20), at: (101 << 20) + 5)
        let image = try scratch.open(.readOnly)
        let whole = try image.extents(within: [0..<size])
        #expect(whole.count > 1)
        for number in 0..<30 {
            let count = 2 * Int.random(in: 1...(number % 3 == 0 ? 20 : 2), using: &random)
            let ends = Set((0..<count).map { _ in Int64.random(in: 0...size, using: &random) }).sorted()
            let parts = stride(from: 0, to: ends.count - 1, by: 2).map { ends[$0]..<ends[$0 + 1] }
            let found = try image.extents(within: parts)
            #expect(found.joined == whole.intersection(parts).joined, "\(parts)")
        }
        #expect(
            try image.extents(within: [1 << 20..<size]).joined
                == whole.intersection([1 << 20..<size]).joined)
    }

    /// Whatever differs is in what may differ; what is called filled is in there, and what of it is not called so reads as zeros.
    @Test(arguments: [
        [], ["--image-feature", "layering"], ["--object-size", "1M"],
        ["--image-feature", "layering,exclusive-lock,object-map,fast-diff", "--stripe-unit", "65536", "--stripe-count", "4"],
    ])
    func whatChangedAndWhatOfItIsFilled(_ options: [String]) async throws {
        var random = SeededNumbers(state: 2)
        let size: Int64 = (96 << 20) + 4096
        let scratch = try await ScratchImage(size: size, options)
        try scratch.write(noise(8 << 20), at: (3 << 20) + 5)
        for _ in 0..<20 {
            try scratch.write(
                noise(.random(in: 1...70_000, using: &random), seed: random.next()), at: .random(in: 0..<size - 70_000, using: &random))
        }
        // Of all that the image is striped over: whole objects, which go when they are zeroed.
        let gone: Range<Int64> = 32 << 20..<48 << 20
        try scratch.write(noise(70_000), at: gone.lowerBound + (5 << 20))
        let before = try scratch.bytes()
        try scratch.open().takeSnapshot("before")
        for _ in 0..<20 {
            try scratch.write(
                noise(.random(in: 1...70_000, using: &random), seed: random.next()), at: .random(in: 0..<size - 70_000, using: &random))
        }
        for _ in 0..<10 {
            let start = Int64.random(in: 0..<size - (9 << 20), using: &random)
            try scratch.open().zero(start..<start + .random(in: 1...(9 << 20), using: &random))
        }
        try scratch.open().zero(gone)
        try scratch.write(noise(70_000), at: gone.upperBound + (5 << 20))
        let after = try scratch.bytes()
        let changes = try scratch.open(.readOnly).changes(since: "before")
        #expect(changes.filled.intersection(changes.ranges).joined == changes.filled.joined, "\(changes)")
        #expect(!changes.filled.isEmpty && changes.filled.joined != changes.ranges.joined, "\(changes)")
        let zeros = [UInt8](repeating: 0, count: after.count)
        #expect(Self.areEqual(before, after, beside: changes.ranges), "\(changes)")
        let others = changes.filled + Self.gaps(changes.ranges, below: size)
        #expect(Self.areEqual(zeros, after, beside: others.sorted { $0.lowerBound < $1.lowerBound }), "\(changes)")
    }
}
