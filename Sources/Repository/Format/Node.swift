import StorageKit

/// One entry of a tree (restic internal/restic/node.go).
struct Node: Sendable {
    var name: FileName
    /// `file`, `dir`, `symlink`, `dev`, `chardev`, `fifo`, or a word of a later restic.
    var type: String
    /// Go's FileMode bits.
    var mode: UInt32 = 0
    var modified = GoTime(FileTime(seconds: 0))
    var accessed = GoTime(FileTime(seconds: 0))
    var changed = GoTime(FileTime(seconds: 0))
    var userID: UInt32 = 0
    var groupID: UInt32 = 0
    var user = ""
    var group = ""
    var inode: UInt64 = 0
    var deviceID: UInt64 = 0
    var size: UInt64 = 0
    var links: UInt64 = 0
    var linkTarget: [UInt8] = []
    /// True when the target's bytes are stored a second time because they are not UTF-8.
    var hasRawLinkTarget: Bool { !linkTarget.isEmpty && String(validating: linkTarget, as: UTF8.self) == nil }
    var extendedAttributes: [ExtendedAttribute] = []
    /// JSON as it stood; nothing here interprets it.
    var genericAttributes: [UInt8] = []
    var device: UInt64 = 0
    /// The content's blobs in order; nil for what is not a file.
    var content: [ObjectID]?
    var subtree: ObjectID?
    var error = ""
}

extension Node {
    /// Nil for a socket, which restic does not store.
    init?(_ name: FileName, _ metadata: FileMetadata) {
        guard let type = Self.types.first(where: { $0.1 == metadata.kind })?.0 else { return nil }
        self.init(name: name, type: type)
        mode = FileMode.bits(kind: metadata.kind, permissions: metadata.permissions)
        modified = GoTime(metadata.modified)
        accessed = modified  // restic's default: reading a file must not change its tree
        changed = GoTime(metadata.changed)
        userID = metadata.userID
        groupID = metadata.groupID
        user = metadata.user
        group = metadata.group
        inode = metadata.inode
        deviceID = metadata.deviceID
        extendedAttributes = metadata.extendedAttributes
        switch metadata.kind {
        case .file:
            size = UInt64(clamping: metadata.size)
            links = metadata.linkCount
            content = []
        case .symbolicLink:
            linkTarget = metadata.linkTarget
            links = metadata.linkCount
        case .blockDevice, .characterDevice:
            device = metadata.device
            links = metadata.linkCount
        default: break
        }
    }

    private static let types: [(String, FileKind)] = [
        ("file", .file), ("dir", .directory), ("symlink", .symbolicLink), ("dev", .blockDevice), ("chardev", .characterDevice),
        ("fifo", .fifo),
    ]

    var kind: FileKind? { Self.types.first { $0.0 == type }?.1 }

    /// Nil for a type that is not known here.
    var metadata: FileMetadata? {
        guard let kind else { return nil }
        return FileMetadata(
            kind: kind, permissions: FileMode.permissions(of: mode), userID: userID, groupID: groupID, user: user, group: group,
            inode: inode,
            deviceID: deviceID, linkCount: links, size: Int64(clamping: size), modified: modified.time, accessed: accessed.time,
            changed: changed.time, linkTarget: linkTarget, device: device, extendedAttributes: extendedAttributes)
    }
}
