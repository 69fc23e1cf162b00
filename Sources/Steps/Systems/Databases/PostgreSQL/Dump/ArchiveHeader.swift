/// The head of a custom-format archive, which says how its table of contents is written (PostgreSQL's pg_backup_archiver).
struct ArchiveHeader {
    private let version: (major: UInt8, minor: UInt8)
    private let isCustom: Bool

    init(_ bytes: inout ArchiveBytes) throws(ArchiveBytes.Cut) {
        guard try bytes.take(5) == Array("PGDMP".utf8) else { throw ArchiveBytes.Cut() }
        version = (try bytes.byte(), try bytes.byte())
        _ = try bytes.byte()
        bytes.integerSize = Int(try bytes.byte())
        bytes.offsetSize = Int(try bytes.byte())
        isCustom = try bytes.byte() == 1
        guard bytes.integerSize >= 4, bytes.integerSize <= 8, bytes.offsetSize <= 32 else { throw ArchiveBytes.Cut() }
        guard isKnown else { return }
        // Compression, the time in seven numbers, the database's name and two versions.
        if version.minor >= 15 { _ = try bytes.byte() } else { _ = try bytes.integer() }
        for _ in 0..<7 { _ = try bytes.integer() }
        for _ in 0..<3 { try bytes.skipString() }
    }

    /// 1.14 is of pg_dump 12 to 15, 1.15 of 16, 1.16 of 17 and 18.
    var isKnown: Bool { isCustom && version.major == 1 && (14...16).contains(version.minor) }
    var versionText: String { "\(version.major).\(version.minor)\(isCustom ? "" : ", and not custom")" }

    struct RawEntry {
        var id = 0
        var kind = ""
        var tag: [UInt8] = []
        var owner: [UInt8] = []
        var definition: [UInt8]?
    }

    /// `isDefined`: whether the definition of an entry with this kind and tag is read.
    func entry(
        _ bytes: inout ArchiveBytes, where isDefined: (_ kind: String, _ tag: [UInt8]) -> Bool
    ) throws(ArchiveBytes.Cut) -> RawEntry {
        var entry = RawEntry()
        entry.id = try bytes.integer()
        _ = try bytes.integer()  // whether it has data
        try bytes.skipString()  // the catalog's and the object's oid
        try bytes.skipString()
        entry.tag = try bytes.string() ?? []
        entry.kind = String(decoding: try bytes.string() ?? [], as: UTF8.self)
        _ = try bytes.integer()  // the section
        if isDefined(entry.kind, entry.tag) { entry.definition = try bytes.string() } else { try bytes.skipString() }
        for _ in 0..<5 { try bytes.skipString() }  // what drops it, what copies it, the schema, the tablespace, the access method
        if version.minor >= 16 { _ = try bytes.integer() }  // the kind of relation
        entry.owner = try bytes.string() ?? []
        try bytes.skipString()  // whether it has oids
        while try bytes.hasString() {}  // what it depends on
        _ = try bytes.take(1 + bytes.offsetSize)  // where its data is
        return entry
    }
}
