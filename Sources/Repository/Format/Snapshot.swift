public import Basics
import Crypto
import StorageKit

/// A repository snapshot: one tree at one time (restic internal/data/snapshot.go).
public struct Snapshot: Sendable, Hashable, Identifiable {
    /// 64 hex digits, the name of its object.
    public var id: String
    public var time: Instant
    /// As it was written, to the nanosecond and in its zone; nil where `time` says the same.
    var written: GoTime?
    /// Of the zone in which it was written: restic counts hours and days of retention in it. 0 for ours.
    public var zoneMinutes: Int32 = 0
    /// The id of its root tree.
    public var tree: String
    public var parent: String?
    /// Absolute.
    public var paths: [String]
    public var hostname: String
    public var username: String
    public var tags: [String]
    public var excludes: [String]
    public var original: String?
    public var programVersion: String
    public var summary: SnapshotSummary?

    public init(
        id: String = "", time: Instant, tree: String, parent: String? = nil, paths: [String], hostname: String, username: String = "",
        tags: [String] = [], excludes: [String] = [], original: String? = nil, programVersion: String = "", summary: SnapshotSummary? = nil
    ) {
        self.id = id
        self.time = time
        self.tree = tree
        self.parent = parent
        self.paths = paths
        self.hostname = hostname
        self.username = username
        self.tags = tags
        self.excludes = excludes
        self.original = original
        self.programVersion = programVersion
        self.summary = summary
    }

    /// The first eight digits of the id, as restic shows it.
    public var shortID: String { String(id.prefix(8)) }
}

/// What one backup did, as restic 0.17 and later record it.
public struct SnapshotSummary: Sendable, Hashable {
    public var start: Instant
    public var end: Instant
    public var filesNew: UInt64 = 0
    public var filesChanged: UInt64 = 0
    public var filesUnmodified: UInt64 = 0
    public var directoriesNew: UInt64 = 0
    public var directoriesChanged: UInt64 = 0
    public var directoriesUnmodified: UInt64 = 0
    /// Blobs that were not in the repository before.
    public var dataBlobs: UInt64 = 0
    public var treeBlobs: UInt64 = 0
    /// Bytes of those blobs before compression.
    public var dataAdded: UInt64 = 0
    /// Bytes of those blobs as stored.
    public var dataAddedPacked: UInt64 = 0
    public var filesProcessed: UInt64 = 0
    public var bytesProcessed: UInt64 = 0

    public init(start: Instant, end: Instant) {
        self.start = start
        self.end = end
    }
}

extension Snapshot {
    var encoded: [UInt8] {
        var json = GoJSON()
        json.object { json in
            json.key("time")
            json.string((written ?? GoTime(time)).text)
            json.optional("parent", parent)
            json.key("tree")
            json.string(tree)
            json.key("paths")
            json.array { json in for path in paths { json.string(path) } }
            json.optional("hostname", hostname)
            json.optional("username", username)
            json.optional("excludes", excludes)
            json.optional("tags", tags)
            json.optional("original", original)
            json.optional("program_version", programVersion)
            if let summary {
                json.key("summary")
                summary.write(to: &json)
            }
        }
        return json.bytes
    }

    /// Paths, excludes or tags: of a backup that is given a list of files, some hundred thousand.
    private static let mostTexts = 1 << 19

    init(decoding bytes: [UInt8], id: String) throws {
        self.init(id: id, time: Instant(microseconds: 0), tree: "", paths: [], hostname: "")
        try JSONScanner.scan(bytes, at: "snapshots/\(id)") { json in
            try json.object { json, key in
                if json.null() { return }
                switch key {
                case "time":
                    let found = try json.time()
                    time = Instant(found)
                    written = GoTime(time).text == found.text ? nil : found
                    zoneMinutes = found.offsetMinutes
                case "parent": parent = try json.string()
                case "tree": tree = try json.digest().hex
                case "paths": paths = try json.strings(atMost: Self.mostTexts)
                case "hostname": hostname = try json.string()
                case "username": username = try json.string()
                case "excludes": excludes = try json.strings(atMost: Self.mostTexts)
                case "tags": tags = try json.strings(atMost: Self.mostTexts)
                case "original": original = try json.string()
                case "program_version": programVersion = try json.string()
                case "summary": summary = try SnapshotSummary(&json)
                default: try json.skip()
                }
            }
            // One that names no tree would be listed, taken for a parent, and written anew as what nobody reads.
            guard !tree.isEmpty else { throw json.failure("a snapshot's tree before here") }
        }
    }

    /// The root tree's id.
    func treeID() throws -> ObjectID {
        guard let id = ObjectID(hex: tree) else {
            throw RepositoryError.damaged("snapshots/\(id)", expected: "the id of a tree", found: "\"\(tree)\"")
        }
        return id
    }
}

extension SnapshotSummary {
    private static let counts: [(StaticString, any WritableKeyPath<SnapshotSummary, UInt64> & Sendable)] = [
        ("files_new", \.filesNew), ("files_changed", \.filesChanged), ("files_unmodified", \.filesUnmodified),
        ("dirs_new", \.directoriesNew),
        ("dirs_changed", \.directoriesChanged), ("dirs_unmodified", \.directoriesUnmodified), ("data_blobs", \.dataBlobs),
        ("tree_blobs", \.treeBlobs), ("data_added", \.dataAdded), ("data_added_packed", \.dataAddedPacked),
        ("total_files_processed", \.filesProcessed), ("total_bytes_processed", \.bytesProcessed),
    ]

    fileprivate func write(to json: inout GoJSON) {
        json.object { json in
            json.key("backup_start")
            json.string(GoTime(start).text)
            json.key("backup_end")
            json.string(GoTime(end).text)
            for (name, path) in Self.counts {
                json.key(name)
                json.number(self[keyPath: path])
            }
        }
    }

    fileprivate init(_ json: inout JSONScanner) throws {
        self.init(start: Instant(microseconds: 0), end: Instant(microseconds: 0))
        try json.object { json, key in
            switch key {
            case "backup_start": start = Instant(try json.time())
            case "backup_end": end = Instant(try json.time())
            default:
                guard let path = Self.counts.first(where: { $0.0 ~= key })?.1 else {
                    try json.skip()
                    return
                }
                self[keyPath: path] = try json.unsigned()
            }
        }
    }
}

extension GoJSON {
    fileprivate mutating func optional(_ name: StaticString, _ value: String?) {
        guard let value, !value.isEmpty else { return }
        key(name)
        string(value)
    }

    fileprivate mutating func optional(_ name: StaticString, _ values: [String]) {
        guard !values.isEmpty else { return }
        key(name)
        array { json in for value in values { json.string(value) } }
    }
}

extension GoTime {
    init(_ instant: Instant) {
        let seconds = instant.microseconds >= 0 ? instant.microseconds / 1_000_000 : (instant.microseconds - 999_999) / 1_000_000
        self.init(FileTime(seconds: seconds, nanoseconds: Int32((instant.microseconds - seconds * 1_000_000) * 1000)))
    }
}

extension Instant {
    init(_ time: GoTime) { self.init(microseconds: time.time.seconds * 1_000_000 + Int64(time.time.nanoseconds) / 1000) }
}
