import Crypto

/// The name of a blob (over its plain bytes) or of a stored file (over its sealed bytes).
typealias ObjectID = SHA256Digest

enum BlobKind: UInt8, Sendable, Hashable {
    case data = 0
    case tree = 1
}

/// The same bytes may be a file's content and a tree, so the kind is part of the name.
struct BlobKey: Sendable, Hashable {
    var kind: BlobKind
    var id: ObjectID
}
