import StepKit

/// The table of contents of an archive of `pg_dump --format=custom`: what is in it, and whose. Read here, for pg_restore's own list shows names
/// with their line ends and blanks undone, and no definitions.
struct DumpArchive: Sendable {
    struct Entry: Sendable, Hashable {
        /// What pg_restore calls it in a list.
        let id: Int
        /// `TABLE`, `TABLE DATA`, `EXTENSION`, ...
        let kind: String
        /// Its name, mostly. Nil when its encoding is one that is not read here, and it is not plain ASCII; so with the owner.
        let tag: String?
        let owner: String?
        /// The statements that make it, of a few kinds.
        let definition: [UInt8]?
    }

    let entries: [Entry]
    /// How backslashes in its statements are meant.
    let hasStandardStrings: Bool
    /// Of its names and statements.
    let encoding: ScriptEncoding

    /// Those whose statements are looked at.
    private static let kindsWithDefinition: Set = ["DATABASE", "ENCODING", "EXTENSION", "POLICY", "STDSTRINGS", "USER MAPPING"]

    /// `origin`: what the dump is of, for errors.
    init(_ dump: SpooledDump, origin: String) throws {
        var bytes = ArchiveBytes(dump)
        let damage = StepError(
            .verification, expected: "an archive of pg_dump", found: "something else, or one that is cut off", at: origin,
            advice: "this copy is damaged: look at older copies")
        do {
            let header = try ArchiveHeader(&bytes)
            guard header.isKnown else {
                throw StepError(
                    .failed, expected: "an archive of pg_dump 13 to 18", found: "format \(header.versionText)", at: origin,
                    advice: "restore it into a folder, and use pg_restore of the version that wrote it")
            }
            var entries: [Entry] = []
            var encoding = ScriptEncoding.utf8
            var hasStandardStrings = true
            for _ in 0..<(try bytes.count()) {
                let raw = try header.entry(&bytes, definitionsOf: Self.kindsWithDefinition)
                if raw.kind == "ENCODING", let words = raw.definition { encoding = ScriptEncoding(Self.value(words) ?? "") }
                if raw.kind == "STDSTRINGS", let words = raw.definition { hasStandardStrings = Self.value(words) != "off" }
                entries.append(
                    Entry(
                        id: raw.id, kind: raw.kind, tag: encoding.text(raw.tag), owner: encoding.text(raw.owner), definition: raw.definition
                    ))
            }
            self.entries = entries
            self.hasStandardStrings = hasStandardStrings
            self.encoding = encoding
        } catch is ArchiveBytes.Cut {
            throw damage
        }
    }

    /// The value of `SET name = 'value';`
    private static func value(_ words: [UInt8]) -> String? {
        let parts = words.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false)
        return parts.count == 3 ? String(decoding: parts[1], as: UTF8.self) : nil
    }

    /// The statements of an entry; nil when they can't be read.
    func statements(of entry: Entry) -> [ScriptStatement]? {
        guard let definition = entry.definition else { return nil }
        var lexer = ScriptLexer(definition)
        lexer.standardConformingStrings = hasStandardStrings
        lexer.encoding = encoding
        var statements: [ScriptStatement] = []
        while true {
            guard let item = try? lexer.next() else { return try? lexer.next() == nil ? statements : nil }
            guard case .statement(let statement) = item else { return nil }
            statements.append(statement)
        }
    }
}

extension DumpArchive {
    /// Roles that are made owners of something, in order.
    func owners(withDatabase: Bool) -> [String] {
        // Those say whose the object is that they are about.
        let others: Set = ["ACL", "COMMENT", "SECURITY LABEL", "TABLE DATA"]
        let owning = entries.filter { entry in
            !others.contains(entry.kind) && (withDatabase || !entry.kind.hasPrefix("DATABASE"))
        }
        return Set(owning.compactMap(\.owner)).filter { !$0.isEmpty && !$0.hasPrefix("pg_") }.sorted()
    }

    /// What the copied database had beside what lies in it, for people.
    func ofTheDatabase(withOwner: Bool) -> [String] {
        guard let database = entries.first(where: { $0.kind == "DATABASE" }), let name = database.tag else { return [] }
        var words: [String] = []
        if withOwner, let owner = database.owner, !owner.isEmpty { words.append("owner \(GlobalsPlan.shown(owner))") }
        for entry in entries {
            switch (entry.kind, entry.tag) {
            case ("DATABASE PROPERTIES", _): words.append("settings and limits")
            case ("ACL", "DATABASE \(name)"), ("ACL", "DATABASE \"\(name)\""): words.append("privileges")
            case ("COMMENT", "DATABASE \(name)"), ("COMMENT", "DATABASE \"\(name)\""): words.append("comment")
            default: break
            }
        }
        return words
    }
}
