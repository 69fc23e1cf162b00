/// How much the JSON of the objects that are read together may be. A megabyte of zstd can say a terabyte: whoever may write to a repository must not fill
/// the memory of who reads it.
///
/// Honest JSON is digests for the most part, and about five times what is stored of it. One object may have its limit, all of them together a floor and
/// some times what is stored: of indexes 8 times, for each entry of theirs takes as much memory as it has text.
struct UnpackingRoom {
    /// Bytes of one object's JSON. restic closes an index at 50,000 blobs, 10 MB; one with the largest pack header that the format allows has 80 MB.
    /// A snapshot has its paths and excludes, of which there may be some hundred thousand.
    static func limit(of prefix: String) -> Int {
        switch prefix {
        case ObjectNames.index: 96 << 20
        case ObjectNames.snapshots: 32 << 20
        default: 1 << 20
        }
    }

    private var left: Int
    private let factor: Int

    init(_ prefix: String) {
        (left, factor) = prefix == ObjectNames.index ? (16 << 20, 8) : (Self.limit(of: prefix), 16)
    }

    /// False where there is no room for it.
    mutating func take(_ json: Int, stored: Int) -> Bool {
        guard json <= left + factor * stored else { return false }
        left += factor * stored - json
        return true
    }
}
