import Crypto
import StorageKit
import Testing

@testable import Repository

@Suite struct ImageLayoutTests {
    private let zeros = ZeroBlobs()

    @Test func zerosAreNamedByTheirHash() {
        #expect(ZeroBlobs.common.count == 8 && ZeroBlobs.common[ZeroBlobs.run] != nil && ZeroBlobs.common[ZeroBlobs.piece] != nil)
        for (size, id) in ZeroBlobs.common { #expect(id == SHA256.digest([UInt8](repeating: 0, count: Int(size)))) }
        for size: Int64 in [1, 63, 65_537, 200_000] {
            #expect(zeros.id(of: size) == SHA256.digest([UInt8](repeating: 0, count: Int(size))))
        }
    }

    /// Layouts of every shape: random extents, sizes that are no multiple, runs of zeros that cross every boundary.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8]) func aLayoutIsReadBackAsItWasSpelled(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for _ in 0..<40 {
            let extentSize = Int64(64 << 10) << Int64.random(in: 0...7, using: &random)
            let count = Int64.random(in: 0...300, using: &random)
            let size = max(count * extentSize - Int64.random(in: 0..<extentSize, using: &random), 0)
            var layout = ImageLayout(size: size, extentSize: extentSize)
            var sizes: [ObjectID: Int64] = [:]
            var index = 0
            while index < layout.extents.count {
                let run = Int.random(in: 1...60, using: &random)
                if Bool.random(using: &random) {
                    for extent in index..<min(index + run, layout.extents.count) {
                        let id = SHA256.digest(Array("\(Int.random(in: 0...20, using: &random)) \(layout.range(extent).count)".utf8))
                        layout.extents[extent] = .blob(id)
                        sizes[id] = Int64(layout.range(extent).count)
                    }
                }
                index += run
            }
            var used: Set<Int64> = []
            let content = layout.content(zeros, used: &used)
            for size in used { sizes[zeros.id(of: size)] = size }
            // The blobs are the image, no more and no less.
            #expect(content.reduce(0) { $0 + (sizes[$1] ?? 0) } == size)
            let read = ImageLayout(content: content, size: size, extentSize: extentSize, zeros: zeros) { sizes[$0] }
            #expect(read == layout)
            var again: Set<Int64> = []
            #expect(read?.content(zeros, used: &again) == content)
            // Where there is room for one, a piece that restic takes for a hole.
            let longest = layout.extents.split { $0 != .zero }.map(\.count).max() ?? 0
            if Int64(longest - 1) * extentSize >= max(extentSize, ZeroBlobs.piece) { #expect(used.contains(ZeroBlobs.piece)) }
        }
    }

    @Test func anotherCutIsNotTakenForOurs() {
        let zeros = zeros
        let id = SHA256.digest(Array("one".utf8))
        func read(_ content: [ObjectID], size: Int64, blobs: [ObjectID: Int64]) -> ImageLayout? {
            ImageLayout(content: content, size: size, extentSize: 1 << 20, zeros: zeros) { blobs[$0] }
        }
        #expect(read([id, id], size: 3 << 20, blobs: [id: 3 << 19]) == nil)
        #expect(read([id], size: 2 << 20, blobs: [id: 1 << 20]) == nil)
        #expect(read([id, id], size: 1 << 20, blobs: [id: 1 << 20]) == nil)
        #expect(read([zeros.id(of: 1 << 19), id], size: 3 << 19, blobs: [id: 1 << 20]) == nil)
        // A blob that is gone stands for one extent, which is read again.
        #expect(read([id, id], size: 2 << 20, blobs: [:])?.extents == [.lost, .lost])
    }

    @Test func onlyWhatChangedOrIsNotKnownIsRead() {
        let (one, two) = (SHA256.digest(Array("1".utf8)), SHA256.digest(Array("2".utf8)))
        var former = ImageLayout(size: 5 << 20, extentSize: 1 << 20)
        former.extents = [.blob(one), .zero, .blob(two), .lost, .blob(one)]
        func plan(_ size: Int64, _ allocated: [Range<Int64>], _ changed: [Range<Int64>]?) -> ImagePlan {
            ImagePlan(size: size, extentSize: 1 << 20, allocated: allocated, since: changed.map { (former, $0) })
        }
        let whole = Int64(5 << 20)
        // Lost ones are read though nothing changed.
        let quiet = plan(whole, [0..<whole], [])
        #expect(quiet.reads == [3] && quiet.reused == [0, 1, 2, 4])
        // One byte makes its extent, two bytes across a boundary two.
        #expect(plan(whole, [0..<whole], [5..<6, (2 << 20) - 1..<(2 << 20) + 1]).reads == [0, 1, 2, 3])
        // Changed and empty now: zeros without reading.
        let trimmed = plan(whole, [], [0..<whole])
        #expect(trimmed.reads == [] && trimmed.layout.extents == Array(repeating: .zero, count: 5))
        // A last extent that became longer, and what is beyond it.
        let grown = ImagePlan(
            size: 6 << 20, extentSize: 1 << 20, allocated: [0..<6 << 20],
            since: (ImageLayout(size: (4 << 20) + 7, extentSize: 1 << 20), []))
        #expect(grown.reads == [4, 5])
        #expect(plan(3 << 20, [0..<3 << 20], []).reused == [0, 1, 2])
        #expect(plan(whole, [5..<6], nil).reads == [0])
    }

    /// Whatever the source holds beside what it is asked about makes no difference.
    @Test func whatIsAskedIsEnough() {
        var random = SplitMix(state: 7)
        func ranges(_ size: Int64) -> [Range<Int64>] {
            let ends = Set((0..<2 * Int.random(in: 0...6, using: &random)).map { _ in Int64.random(in: 0...size, using: &random) }).sorted()
            return stride(from: 0, to: ends.count - 1, by: 2).map { ends[$0]..<ends[$0 + 1] }
        }
        for _ in 0..<500 {
            let (size, extent) = (Int64.random(in: 1...40, using: &random), Int64(1) << Int64.random(in: 0...3, using: &random))
            var former = ImageLayout(size: Int64.random(in: 1...40, using: &random), extentSize: extent)
            for index in former.extents.indices where Bool.random(using: &random) {
                former.extents[index] = .random(using: &random) ? .lost : .blob(SHA256.digest([UInt8(index)]))
            }
            let (allocated, changed) = (ranges(size), ranges(size))
            let asked = ImagePlan.toLookAt(size: size, extentSize: extent, since: (former, changed))
            let all = ImagePlan(size: size, extentSize: extent, allocated: allocated, since: (former, changed))
            let some = ImagePlan(size: size, extentSize: extent, allocated: allocated.intersection(asked), since: (former, changed))
            #expect(all.reads == some.reads && all.layout == some.layout && all.reused == some.reused)
            #expect(zip(asked, asked.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
            // What the source knows to be filled need not be asked.
            let filled = allocated.intersection(changed).filter { _ in Bool.random(using: &random) }
            let fewer = ImagePlan.toLookAt(size: size, extentSize: extent, since: (former, changed), filled: filled)
            let known = ImagePlan(
                size: size, extentSize: extent, allocated: filled + allocated.intersection(fewer), since: (former, changed))
            #expect(all.reads == known.reads && all.layout == known.layout && all.reused == known.reused)
            #expect(fewer.intersection(filled) == [] && fewer.intersection(asked) == fewer)
        }
    }

    @Test func whatTwoListsShare() {
        #expect([0..<4, 6..<9].intersection([1..<2, 3..<7, 8..<20]) == [1..<2, 3..<4, 6..<7, 8..<9])
        #expect([0..<4].intersection([]) == [] && [].intersection([0..<4 as Range<Int64>]) == [])
        #expect([0..<4].intersection([4..<5]) == [])
        #expect([1..<2, 3..<4, 9..<10, 17..<18].alignedOutward(to: 4, below: 18) == [0..<4, 8..<12, 16..<18])
        #expect([0..<4, 4..<5].alignedOutward(to: 4, below: 100) == [0..<8])
        #expect([5..<5, 6..<7].alignedOutward(to: 4, below: 7) == [4..<7] && [9..<12].alignedOutward(to: 4, below: 8) == [])
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
