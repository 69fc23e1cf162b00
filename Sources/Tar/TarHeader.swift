public import StorageKit

/// An entry of a tar archive: what stands before its content (IEEE Std 1003.1, pax; "ustar Interchange Format" and "pax Interchange Format").
public struct TarHeader: Sendable, Hashable {
    public static let blockBytes = 512

    /// Below the archive's root; a path that led out of it was refused.
    public var path: TreePath
    public var metadata: FileMetadata
    /// The entry before this one, of the same archive, that this is another name of; its content is not there again.
    public var hardLink: TreePath?

    public init(_ path: TreePath, _ metadata: FileMetadata, hardLink: TreePath? = nil) {
        self.path = path
        self.metadata = metadata
        self.hardLink = hardLink
    }

    /// Bytes of content that follow.
    public var contentBytes: Int64 { metadata.kind == .file && hardLink == nil ? metadata.size : 0 }
}

/// What an entry is, as its header says it.
enum TarType {
    static let file = UInt8(ascii: "0")
    static let hardLink = UInt8(ascii: "1")
    static let symbolicLink = UInt8(ascii: "2")
    static let characterDevice = UInt8(ascii: "3")
    static let blockDevice = UInt8(ascii: "4")
    static let folder = UInt8(ascii: "5")
    static let fifo = UInt8(ascii: "6")
    /// As a file (IEEE Std 1003.1, "high-performance").
    static let contiguous = UInt8(ascii: "7")
    /// Records of the next entry, and of all that follow.
    static let extended = UInt8(ascii: "x")
    static let global = UInt8(ascii: "g")
    /// GNU tar's: the next entry's name, and what it links to.
    static let longName = UInt8(ascii: "L")
    static let longLink = UInt8(ascii: "K")
}
