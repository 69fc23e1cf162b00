/// Which extents of an image must be read, and what the others are. A pure value.
struct ImagePlan: Sendable {
    /// What is known without reading; `lost` where it must be read.
    let layout: ImageLayout
    /// The extents to be read, in order.
    let reads: [Int]
    /// Extents taken from the parent because the source says that they did not change.
    let reused: [Int]
    /// What the source says that it holds.
    let allocated: [Range<Int64>]

    /// `allocated` and `changed` are ascending and do not overlap. `former` is what the parent holds and `changed` what may differ from
    /// it; nil when everything that is allocated is read.
    init(
        size: Int64, extentSize: Int64, allocated: [Range<Int64>], since: (former: ImageLayout, changed: [Range<Int64>])?
    ) {
        var layout = ImageLayout(size: size, extentSize: extentSize)
        let holding = Self.touched(allocated, size: size, extentSize: extentSize)
        let changed = since.map { Self.touched($0.changed, size: size, extentSize: extentSize) }
        var reads: [Int] = []
        var reused: [Int] = []
        for index in layout.extents.indices {
            if let since, let changed, !changed[index], index < since.former.extents.count,
                since.former.range(index) == layout.range(index), since.former.extents[index] != .lost
            {
                layout.extents[index] = since.former.extents[index]
                reused.append(index)
            } else if holding[index] {
                layout.extents[index] = .lost
                reads.append(index)
            }
        }
        self.layout = layout
        self.reads = reads
        self.allocated = allocated
        self.reused = reused
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
