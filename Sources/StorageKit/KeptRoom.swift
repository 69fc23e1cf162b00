/// Room on a disk of this machine that no repository takes, though it lies there too: whose it is would end with the copy that took it.
public struct KeptRoom: Sendable, Hashable {
    /// On which disk: where this is, if it is there.
    public var folder: String
    public var bytes: Int64

    public init(at folder: String, bytes: Int64) {
        self.folder = folder
        self.bytes = bytes
    }
}
