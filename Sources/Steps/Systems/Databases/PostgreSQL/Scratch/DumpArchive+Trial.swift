import Basics

/// What of a dump a scratch server needs made for it.
extension DumpArchive {
    /// Schemas, but for the one that every database has.
    var schemas: [String] { entries.filter { $0.kind == "SCHEMA" && $0.tag != "public" }.compactMap(\.tag) }

    /// Extensions and their schemas, in the order in which they need each other.
    var extensions: [(name: String, schema: String)] {
        entries.filter { $0.kind == "EXTENSION" }.compactMap { entry in
            guard let statement = statements(of: entry)?.first else { return nil }
            var cursor = StatementCursor(statement)
            guard cursor.accept("create", "extension", "if", "not", "exists"), let name = cursor.name(), cursor.accept("with", "schema"),
                let schema = cursor.name()
            else { return nil }
            return (name, schema)
        }
    }

    /// Roles that statements name which are run whoever owns what: those of policies and user mappings.
    var roles: Set<ExactText> {
        var found: Set<ExactText> = []
        for entry in entries where ["POLICY", "USER MAPPING"].contains(entry.kind) {
            for statement in statements(of: entry) ?? [] {
                var cursor = StatementCursor(statement)
                let isMapping = cursor.accept("create", "user", "mapping", "for")
                guard isMapping || cursor.skip(behind: "to", before: ["using", "with"]) else { continue }
                while let role = cursor.accept("public") ? "" : cursor.name() {
                    if !role.isEmpty { found.insert(ExactText(role)) }
                    guard !isMapping, cursor.accept(symbol: ",") else { break }
                }
            }
        }
        return found
    }
}

extension DumpArchive.Entry {
    /// Made by no ordinary user, and without data of its own.
    var isLeftOutOfTrials: Bool { Self.kinds.contains { kind.hasPrefix($0) } }

    private static let kinds = ["EVENT TRIGGER", "PUBLICATION", "SUBSCRIPTION"]

    /// What an ordinary user can't restore: it is left out of a trial, or has been made already.
    var needsSuperuser: Bool {
        if isLeftOutOfTrials || kind == "EXTENSION" { return true }
        // A schema with a name that can't be read here is left to pg_restore.
        if kind == "SCHEMA" { return tag != nil && tag != "public" }
        guard kind == "COMMENT", let tag else { return false }
        return (Self.kinds + ["EXTENSION"]).contains { tag.hasPrefix($0 + " ") }
    }
}
