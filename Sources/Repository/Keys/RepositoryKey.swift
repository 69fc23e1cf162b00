/// A password's key file, as people tell it from others.
public struct RepositoryKey: Sendable, Hashable {
    /// 64 hex digits.
    public var id: String
    /// Who made it, where and when, as the key file says; RFC 3339.
    public var username: String
    public var hostname: String
    public var created: String
    /// True for the key that this repository was opened with.
    public var isCurrent: Bool

    /// The id's first eight digits.
    public var shortID: String { String(id.prefix(8)) }
}
