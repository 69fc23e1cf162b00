public import FlowModel

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
    /// Ascending, not overlapping ranges that may differ from what `base` held; nil when the token is no longer good (then a full read).
    func changedExtents(since base: JSONValue) throws -> [Range<Int64>]?
    /// Fills the whole buffer from `offset`; never asked beyond `size`. Called from several threads at once.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws
    /// What else a restore should know of it, to make it again as it was: recorded as extended attributes of its file.
    var attributes: [ExtendedAttribute] { get }
    /// As `TreeReader.confirm`.
    func confirm() throws
}

extension ImageReader {
    public func confirm() throws {}
    public var attributes: [ExtendedAttribute] { [] }
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
