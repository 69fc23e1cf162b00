public import FlowModel

/// A point in time readable as a block image.
public protocol ImageReader: Sendable {
    /// Bytes.
    var size: Int64 { get }
    /// The granularity at which the source reports extents; a power of two, bytes.
    var granularity: Int64 { get }
    /// Ascending, not overlapping ranges that hold data; everything else reads as zeros.
    func allocatedExtents() throws -> [Range<Int64>]
    /// Ranges that may differ from what `base` held; nil when the token is no longer good (then a full read).
    func changedExtents(since base: JSONValue) throws -> [Range<Int64>]?
    /// Fills the buffer from `offset`. Blocks; called from several threads at once.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws
}

/// Receives a restored image.
public protocol ImageWriter: Sendable {
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
    func finish() throws
}
