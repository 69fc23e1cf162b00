public import Basics

/// How an image is stored, besides what holds for every backup.
public struct ImageOptions: Sendable {
    /// The size of its extents: a power of two from 64 KiB to 8 MiB. Nil for the parent's, else 1 MiB or the source's granularity, whichever
    /// is more. Another size than the parent's begins anew.
    public var extent: ByteCount?
    /// The source's token of the point in time that a snapshot of this repository holds.
    public var base: ImageBase?
    /// So many extents that the source calls unchanged are read and compared. Nil: 8, and one more for each 32 that are read because they changed,
    /// 1,024 at most: what an increment costs goes by what changed.
    public var samples: Int?

    func samples(beside reads: Int) -> Int { samples ?? min(8 + reads / 32, 1024) }

    public init(extent: ByteCount? = nil, base: ImageBase? = nil) {
        self.extent = extent
        self.base = base
    }

    public static let smallestExtent = ByteCount.kibibytes(64)
    public static let largestExtent = ByteCount.mebibytes(8)
}

public struct ImageBase: Sendable, Hashable {
    /// Opaque; the source's own.
    public var token: JSONValue
    /// The repository snapshot that holds the same point in time.
    public var snapshotID: String

    public init(token: JSONValue, snapshotID: String) {
        self.token = token
        self.snapshotID = snapshotID
    }
}

/// What became of an image's extents.
public struct ImageReport: Sendable, Hashable {
    /// Bytes.
    public var extentSize: Int64 = 0
    public var extents = 0
    /// Extents that were read.
    public var read = 0
    /// Extents taken from the parent without reading them.
    public var reused = 0
    /// Unchanged ones that were read to be compared.
    public var sampled = 0
    /// Why a base could not be used; nil when it was, or when there was none.
    public var baseRefused: String?
    /// True when the source called an extent unchanged that had changed: nothing that it said is believed.
    public var sourceWasWrong = false
}
