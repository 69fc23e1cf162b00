public import Basics

/// Room on a disk of the worker's host that something declared takes.
public struct RoomNeed: Sendable, Hashable {
    /// For people: "repository", "staging".
    public var what: String
    /// A folder on the disk that is meant; it need not exist yet.
    public var folder: String
    /// With less, nothing can be done.
    public var least: ByteCount
    /// With less, it may not be enough: a bound, or an estimate.
    public var wanted: ByteCount

    public init(_ what: String, in folder: String, least: ByteCount, wanted: ByteCount) {
        self.what = what
        self.folder = folder
        self.least = least
        self.wanted = wanted
    }
}
