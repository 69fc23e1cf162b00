import Basics

/// A name as the file system holds it: any bytes but NUL and `/`. Order is by bytes.
public struct FileName: Sendable, Hashable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var bytes: [UInt8]
    public init(bytes: [UInt8]) { self.bytes = bytes }
    public init(_ text: String) { bytes = Array(text.utf8) }
    public init(stringLiteral value: String) { bytes = Array(value.utf8) }
    public static func < (left: FileName, right: FileName) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
    /// For people: invalid UTF-8 is shown as U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
    /// For a terminal: in one line, and exactly this name (`printableName`).
    public var printable: String { bytes.printableName }
}

/// A path below a tree's root as its parts; empty is the root itself.
public struct TreePath: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var parts: [FileName]
    public init(_ parts: [FileName] = []) { self.parts = parts }
    /// Splits at `/`; empty parts are dropped.
    public init(_ text: String) { parts = text.utf8.split(separator: UInt8(ascii: "/")).map { FileName(bytes: Array($0)) } }
    public func appending(_ name: FileName) -> TreePath { TreePath(parts + [name]) }
    public static func < (left: TreePath, right: TreePath) -> Bool { left.parts.lexicographicallyPrecedes(right.parts) }
    public var description: String { parts.map(\.description).joined(separator: "/") }
    /// For a terminal: in one line, and exactly this path.
    public var printable: String { parts.map(\.printable).joined(separator: "/") }
    /// The bytes with `/` between parts and none in front.
    public var bytes: [UInt8] { Array(parts.map(\.bytes).joined(separator: [UInt8(ascii: "/")])) }
}

public enum FileKind: String, Sendable, Hashable, Codable {
    case file, directory, symbolicLink, blockDevice, characterDevice, fifo, socket
}

/// Seconds and nanoseconds since the Unix epoch; seconds may be negative.
public struct FileTime: Sendable, Hashable, Comparable {
    public var seconds: Int64
    public var nanoseconds: Int32
    public init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
    public static func < (left: FileTime, right: FileTime) -> Bool { (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds) }
}

public struct ExtendedAttribute: Sendable, Hashable {
    public var name: String
    public var value: [UInt8]
    public init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// POSIX metadata of one file (`stat(2)`, `listxattr(2)`).
public struct FileMetadata: Sendable, Hashable {
    public var kind: FileKind
    /// The low twelve bits of st_mode: rwx for three, setuid, setgid, sticky.
    public var permissions: UInt16
    public var userID: UInt32
    public var groupID: UInt32
    /// Names of the two above where the source knows them, else empty.
    public var user: String
    public var group: String
    public var inode: UInt64
    /// The device number as it is to be recorded: stable from run to run, wherever a snapshot is mounted.
    public var deviceID: UInt64
    public var linkCount: UInt64
    /// Bytes; 0 for what is not a file, `unknownSize` where only a reading tells. With an `inode` that says which version of the file this is, one
    /// of unknown size is taken as unchanged by its inode and times.
    public var size: Int64
    public var modified: FileTime
    public var accessed: FileTime
    public var changed: FileTime
    /// Target bytes of a symbolic link.
    public var linkTarget: [UInt8]
    /// st_rdev of a device.
    public var device: UInt64
    /// In the order in which the source lists them.
    public var extendedAttributes: [ExtendedAttribute]

    public static let unknownSize: Int64 = -1

    public init(
        kind: FileKind, permissions: UInt16, userID: UInt32 = 0, groupID: UInt32 = 0, user: String = "", group: String = "",
        inode: UInt64 = 0, deviceID: UInt64 = 0, linkCount: UInt64 = 1, size: Int64 = 0, modified: FileTime, accessed: FileTime? = nil,
        changed: FileTime? = nil, linkTarget: [UInt8] = [], device: UInt64 = 0, extendedAttributes: [ExtendedAttribute] = []
    ) {
        self.kind = kind
        self.permissions = permissions
        self.userID = userID
        self.groupID = groupID
        self.user = user
        self.group = group
        self.inode = inode
        self.deviceID = deviceID
        self.linkCount = linkCount
        self.size = size
        self.modified = modified
        self.accessed = accessed ?? modified
        self.changed = changed ?? modified
        self.linkTarget = linkTarget
        self.device = device
        self.extendedAttributes = extendedAttributes
    }
}
