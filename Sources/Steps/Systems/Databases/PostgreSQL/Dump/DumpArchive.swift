import Basics
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
        /// The statements that make it, of a few kinds and of what is about the database itself.
        let definition: [UInt8]?
        /// About the database itself, and not what it is made with: pg_restore tells them so, too.
        let isOfTheDatabase: Bool
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
                let raw = try header.entry(&bytes) { kind, tag in
                    Self.kindsWithDefinition.contains(kind) || Self.isOfTheDatabase(kind, tag)
                }
                if raw.kind == "ENCODING", let words = raw.definition { encoding = ScriptEncoding(Self.value(words) ?? "") }
                if raw.kind == "STDSTRINGS", let words = raw.definition { hasStandardStrings = Self.value(words) != "off" }
                entries.append(
                    Entry(
                        id: raw.id, kind: raw.kind, tag: encoding.text(raw.tag), owner: encoding.ofShared(raw.owner).text(raw.owner),
                        definition: raw.definition,
                        isOfTheDatabase: Self.isOfTheDatabase(raw.kind, raw.tag)))
            }
            self.entries = entries
            self.hasStandardStrings = hasStandardStrings
            self.encoding = encoding
        } catch is ArchiveBytes.Cut {
            throw damage
        }
    }

    private static func isOfTheDatabase(_ kind: String, _ tag: [UInt8]) -> Bool {
        kind == "DATABASE PROPERTIES"
            || ["ACL", "COMMENT", "SECURITY LABEL"].contains(kind) && tag.starts(with: Array("DATABASE ".utf8))
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
        lexer.encoding = entry.isOfTheDatabase || entry.kind == "DATABASE" ? encoding.ofShared(definition) : encoding
        var statements: [ScriptStatement] = []
        do {
            while let item = try lexer.next() {
                guard case .statement(let statement) = item else { return nil }
                statements.append(statement)
            }
        } catch {
            return nil
        }
        return statements
    }
}

extension DumpArchive {
    /// Roles that are made owners of something, in order.
    var owners: [String] {
        // Those say whose the object is that they are about.
        let others: Set = ["ACL", "COMMENT", "SECURITY LABEL", "TABLE DATA"]
        let owning = entries.filter { !others.contains($0.kind) }
        return owning.compactMap(\.owner).exact.sorted().map(\.text).filter { !$0.isEmpty && !$0.hasPrefix("pg_") }
    }
}
