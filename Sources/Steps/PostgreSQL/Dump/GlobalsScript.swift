/// The script of pg_dumpall, cut to what the server that gets it lacks. As it stands it would make roles anew, which fails, and then change the
/// attributes of those that are there to those of the server that was copied.
struct GlobalsScript: Sendable {
    /// Names, quoted as in SQL where that is needed.
    let existingRoles: Set<String>
    /// Nil: none is to be made.
    let existingTablespaces: Set<String>?

    /// Statements about one role or tablespace stand on one line each.
    func cut(_ script: [UInt8]) -> [UInt8] {
        let newline = UInt8(ascii: "\n")
        let lines = script.split(separator: newline, omittingEmptySubsequences: false)
        return Array(lines.filter { !isLeftOut(String(decoding: $0, as: UTF8.self)) }.joined(separator: [newline]))
    }

    private func isLeftOut(_ line: String) -> Bool {
        for verb in ["CREATE", "ALTER"] {
            if let name = Self.name(in: line, after: "\(verb) ROLE ") { return existingRoles.contains(name) }
            if let name = Self.name(in: line, after: "\(verb) TABLESPACE ") { return existingTablespaces?.contains(name) ?? true }
        }
        guard existingTablespaces == nil, line.contains(" ON TABLESPACE ") else { return false }
        return ["GRANT ", "REVOKE ", "COMMENT "].contains { line.hasPrefix($0) }
    }

    /// The identifier behind some words, with its quotes.
    private static func name(in line: String, after words: String) -> String? {
        guard line.hasPrefix(words) else { return nil }
        let rest = line.dropFirst(words.count)
        guard rest.first == "\"" else { return String(rest.prefix { $0 != " " && $0 != ";" }) }
        var index = rest.index(after: rest.startIndex)
        while index < rest.endIndex {
            let next = rest.index(after: index)
            if rest[index] == "\"" {
                // Within a name it is doubled.
                guard next < rest.endIndex, rest[next] == "\"" else { return String(rest[...index]) }
                index = rest.index(after: next)
            } else {
                index = next
            }
        }
        return nil
    }
}
