import Foundation

/// A disk of a guest: an image file, and its clones in a folder beside it.
struct GuestDisk: Sendable, Hashable {
    let name: String
    let path: String

    /// On the disk's own file system: a clone shares its extents.
    var folder: String { (path as NSString).deletingLastPathComponent + "/.snappy-flow-snapshots" }

    func clone(_ key: String) -> ImageClone { ImageClone(source: path, folder: folder, key: "\(key).\(name)") }
}
