import Testing

@testable import Steps

@Suite struct SharedExtentsTests {
    private func at(_ logical: Range<Int64>, _ physical: Int64?, unwritten: Bool = false) -> SharedExtents.Extent {
        SharedExtents.Extent(logical: logical, physical: physical, isUnwritten: unwritten)
    }

    @Test func whatLiesInAnotherPlaceMayDiffer() {
        let base = SharedExtents([at(0..<100, 1000), at(200..<300, 5000)])
        func changes(_ extents: [SharedExtents.Extent], size: Int64 = 400) -> [Range<Int64>] {
            SharedExtents(extents).changes(since: base, size: size)
        }
        #expect(changes([at(0..<100, 1000), at(200..<300, 5000)]) == [])
        // The same place, told in other pieces.
        #expect(changes([at(0..<40, 1000), at(40..<100, 1040), at(200..<300, 5000)]) == [])
        #expect(changes([at(0..<40, 1000), at(40..<60, 9000), at(60..<100, 1060), at(200..<300, 5000)]) == [40..<60])
        // Written where nothing was, and nothing where something was.
        #expect(changes([at(0..<100, 1000), at(150..<160, 7000), at(200..<300, 5000)]) == [150..<160])
        #expect(changes([at(0..<100, 1000)]) == [200..<300])
        // What is not trusted counts as changed, what was never written is a hole.
        #expect(changes([at(0..<100, nil), at(200..<300, 5000)]) == [0..<100])
        #expect(changes([at(0..<100, 1000), at(100..<150, nil, unwritten: true), at(200..<300, 5000)]) == [])
        #expect(changes([at(0..<100, 1000, unwritten: true), at(200..<300, 5000)]) == [0..<100])
        // A file that became longer than its base: what is beyond was a hole.
        #expect(changes([at(0..<100, 1000), at(200..<300, 5000), at(400..<500, 8000)], size: 500) == [400..<500])
    }

    @Test func placesThatNobodyTrustsAreNeverTheSame() {
        let one = SharedExtents([at(0..<100, nil)])
        #expect(one.changes(since: one, size: 100) == [0..<100])
    }
}
