public import Basics

/// A point in time readable as a block image.
///
/// Calls block and are made on the caller's own threads. Errors are `StorageError`.
public protocol ImageReader: Sendable {
    /// Bytes.
    var size: Int64 { get }
    /// The granularity at which the source reports extents; a power of two, bytes.
    var granularity: Int64 { get }
    /// Ascending, not overlapping ranges that hold data; everything else reads as zeros.
    func allocatedExtents() throws -> [Range<Int64>]
    /// The parts of them that lie in `ranges`, which ascend and do not overlap: an increment asks of what changed and of nothing else.
    func allocatedExtents(within ranges: [Range<Int64>]) throws -> [Range<Int64>]
    /// Ascending, not overlapping ranges that may differ from what `base` held; nil when the token is no longer good (then a full read).
    func changedExtents(since base: JSONValue) throws -> [Range<Int64>]?
    /// The same, with what is known of it besides.
    func changes(since base: JSONValue) throws -> ImageChanges?
    /// Fills the whole buffer from `offset`; never asked beyond `size`. Called from several threads at once.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws
    /// Memory of at least `count` bytes into which it reads without copying; nil where none is better than any other, or none is left.
    func lend(_ count: Int) -> LentMemory?
    /// What else a restore should know of it, to make it again as it was: recorded as extended attributes of its file.
    var attributes: [ExtendedAttribute] { get }
    /// As `TreeReader.confirm`.
    func confirm() throws
}

extension ImageReader {
    public func allocatedExtents(within ranges: [Range<Int64>]) throws -> [Range<Int64>] {
        ranges.isEmpty ? [] : try allocatedExtents().intersection(ranges)
    }
    public func changes(since base: JSONValue) throws -> ImageChanges? { try changedExtents(since: base).map { ImageChanges(ranges: $0) } }
    public func lend(_ count: Int) -> LentMemory? { nil }
    public func confirm() throws {}
    public var attributes: [ExtendedAttribute] { [] }
}

extension [Range<Int64>] {
    /// What both hold. Each of them ascends and does not overlap itself.
    public func intersection(_ others: [Range<Int64>]) -> [Range<Int64>] {
        var both: [Range<Int64>] = []
        var (mine, theirs) = (startIndex, others.startIndex)
        while mine < endIndex, theirs < others.endIndex {
            let part = self[mine].clamped(to: others[theirs])
            if !part.isEmpty { both.append(part) }
            if self[mine].upperBound < others[theirs].upperBound { mine += 1 } else { theirs += 1 }
        }
        return both
    }

    /// The multiples of `step` that hold them, as far as they lie below `end`: ascending, joined where they touch.
    public func alignedOutward(to step: Int64, below end: Int64) -> [Range<Int64>] {
        reduce(into: []) { aligned, range in
            guard !range.isEmpty else { return }
            let (first, last) = (range.lowerBound / step, (range.upperBound - 1) / step)
            let start = first * step
            let stop = last >= end / step ? end : (last + 1) * step
            guard start < stop else { return }
            if let former = aligned.last, former.upperBound >= start {
                aligned[aligned.count - 1] = former.lowerBound..<Swift.max(former.upperBound, stop)
            } else {
                aligned.append(start..<stop)
            }
        }
    }
}

/// What is known of an image before its bytes come.
public struct ImageDescription: Sendable, Hashable {
    /// Bytes.
    public var size: Int64
    /// As the source gave them: of any system.
    public var attributes: [ExtendedAttribute]

    public init(size: Int64, attributes: [ExtendedAttribute] = []) {
        self.size = size
        self.attributes = attributes
    }
}

/// Receives a restored image. Ranges come from several threads at once, none twice; ended by `finish`, or by `abandon`, which also
/// follows a `finish` that failed.
public protocol ImageWriter: Sendable {
    /// Whether what is written goes over an image that was there, in place: a restore that fails leaves it half written.
    var replaces: Bool { get }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
    /// Makes the range read as zeros, without storing them where the destination can.
    func zero(_ range: Range<Int64>) throws
    /// Everything written is durable when it returns.
    func finish() throws
    /// The restore failed: what was made for it goes; what was overwritten in place stays as it is.
    func abandon()
}
