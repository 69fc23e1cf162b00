/// Where an image may differ from what it was at an earlier point in time.
public struct ImageChanges: Sendable, Hashable {
    /// Ascending, not overlapping.
    public var ranges: [Range<Int64>]
    /// Parts of them that hold data now: of those nobody has to ask (`allocatedExtents(within:)`). As much as the source knows of it; ascending, not overlapping.
    public var filled: [Range<Int64>]

    public init(ranges: [Range<Int64>], filled: [Range<Int64>] = []) {
        self.ranges = ranges
        self.filled = filled
    }
}
