import Crypto

/// How large a folder's list may be. Whoever has the key of a repository could otherwise say one that fills the memory of everybody who looks at it.
///
/// A folder of a million files has a list of 360 MB, stored in 54 MB, and takes 110 MB here; the list of a file of many terabytes is made of hashes, which
/// can't be packed. So the bound is 160 MiB, or 16 times what is really stored of it.
enum TreeLimits {
    /// Stored bytes of one list.
    static let stored: UInt32 = 512 << 20
    /// Up to here a list is unpacked whole before it is read.
    static let small: UInt32 = 2 << 20
    /// Bytes of all folders that a walk has open; above it, the outermost are read again when their turn comes.
    static let open = 64 << 20
    /// Bytes of one name. Systems have 255, object stores some thousand, each byte of which may be spelled with three.
    static let name = 64 << 10
    /// Attributes of one entry: Linux names them in 64 KiB (xattr(7), XATTR_LIST_MAX), two bytes each at least.
    static let attributes = 32 << 10

    /// Bytes that the entries of a list may take, of which so many are stored.
    static func memory(stored: Int) -> Int { max(160 << 20, 16 * stored) }

    /// Bytes of JSON that one entry may have: 64 for each blob of a file.
    static func entry(stored: Int) -> Int { max(64 << 20, 8 * stored) }

    static func tooLarge(_ id: ObjectID, _ found: String) -> RepositoryError {
        .damaged(
            "tree \(id)", expected: "a folder's list of at most 160 MiB, or 16 times what is stored of it", found: found,
            advice: "no honest list is packed so densely; do not trust the snapshot")
    }
}
