/// The text that ends backup mode says where tablespaces are, a line each: oid, a space, the folder (PostgreSQL: `tablespace_map`).
struct TablespaceMap: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        var oid: String
        /// Absolute.
        var location: String
    }

    var entries: [Entry]

    /// A backslash stands before a backslash, a newline or a carriage return that is part of a folder's name.
    init(_ text: String) {
        var lines: [String] = [""]
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped || (character != "\\" && character != "\n") {
                lines[lines.count - 1].unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                lines.append("")
            }
        }
        entries = lines.compactMap { line in
            guard let space = line.firstIndex(of: " ") else { return nil }
            return Entry(oid: String(line[..<space]), location: String(line[line.index(after: space)...]))
        }
    }

    var text: String {
        entries.map { entry in
            let location = entry.location.unicodeScalars.reduce(into: "") { text, character in
                if ["\\", "\n", "\r"].contains(character) { text += "\\" }
                text.unicodeScalars.append(character)
            }
            return "\(entry.oid) \(location)\n"
        }.joined()
    }
}
