/// Which extents of an image must be read, and what the others are. A pure value.
struct ImagePlan: Sendable {
    /// What is known without reading; `lost` where it must be read.
    let layout: ImageLayout
    /// The extents to be read, in order.
    let reads: [Int]
    /// Extents taken from the parent because the source says that they did not change.
    let reused: [Int]

    /// What the parent holds, and what may differ from it: ascending ranges that do not overlap.
    typealias Change = (former: ImageLayout, changed: [Range<Int64>])

    /// `allocated`: in any order; what of it lies outside of `toLookAt` is not needed. `since` is nil when everything that is
    /// allocated is read.
    init(size: Int64, extentSize: Int64, allocated: [Range<Int64>], since: Change?) {
        var layout = ImageLayout(size: size, extentSize: extentSize)
        let holding = Self.touched(allocated, size: size, extentSize: extentSize)
        let inherits = since.map { Self.inherits(layout, $0) }
        var reads: [Int] = []
        var reused: [Int] = []
        for index in layout.extents.indices {
            if let since, let inherits, inherits[index] {
                layout.extents[index] = since.former.extents[index]
                reused.append(index)
            } else if holding[index] {
                layout.extents[index] = .lost
                reads.append(index)
            }
        }
        self.layout = layout
        self.reads = reads
        self.reused = reused
    }

    /// At most `count` of the extents taken from the parent, ascending: half of them beside extents that are read, where a source that misses something or
    /// misplaces it would be caught soonest, the others anywhere.
    func sample(_ count: Int) -> [Int] {
        guard count < reused.count else { return reused }
        var isReused = Array(repeating: false, count: layout.extents.count)
        for index in reused { isReused[index] = true }
        let beside = Set(reads.flatMap { [$0 - 1, $0 + 1] }.filter { isReused.indices.contains($0) && isReused[$0] })
        var chosen = Set(beside.shuffled().prefix(count / 2))
        while chosen.count < count, let index = reused.randomElement() { chosen.insert(index) }
        return chosen.sorted()
    }

    /// Where the source must say what it holds: the extents that can't be taken from the parent, joined. Not where some of one is `filled`: it is read anyway.
    static func toLookAt(size: Int64, extentSize: Int64, since: Change, filled: [Range<Int64>] = []) -> [Range<Int64>] {
        let layout = ImageLayout(size: size, extentSize: extentSize)
        let inherits = inherits(layout, since)
        let isKnown = touched(filled, size: size, extentSize: extentSize)
        return layout.extents.indices.reduce(into: []) { ranges, index in
            guard !inherits[index], !isKnown[index] else { return }
            let range = layout.range(index)
            if let last = ranges.last, last.upperBound == range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
    }

    /// Whether each extent of `layout` is the parent's.
    private static func inherits(_ layout: ImageLayout, _ since: Change) -> [Bool] {
        let changed = touched(since.changed, size: layout.size, extentSize: layout.extentSize)
        return layout.extents.indices.map { index in
            !changed[index] && index < since.former.extents.count && since.former.range(index) == layout.range(index)
                && since.former.extents[index] != .lost
        }
    }

    /// Whether each extent shares a byte with one of the ranges.
    private static func touched(_ ranges: [Range<Int64>], size: Int64, extentSize: Int64) -> [Bool] {
        var touched = Array(repeating: false, count: ImageLayout.count(size: size, extentSize: extentSize))
        for range in ranges {
            let range = range.clamped(to: 0..<size)
            guard !range.isEmpty else { continue }
            for index in Int(range.lowerBound / extentSize)...Int((range.upperBound - 1) / extentSize) { touched[index] = true }
        }
        return touched
    }
}
