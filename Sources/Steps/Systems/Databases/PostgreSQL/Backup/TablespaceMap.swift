/// The text that ends backup mode says where tablespaces are, a line each: oid, a space, the folder (PostgreSQL: `tablespace_map`).
struct TablespaceMap: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        var oid: UInt32
        /// Absolute.
        var location: String
    }

    var entries: [Entry]

    /// A backslash stands before a backslash, a newline or a carriage return that is part of a folder's name. Nil for anything that is no such text:
    /// the server's administrator may have written it, and oids become names of files.
    init?(_ text: String) {
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
        entries = []
        for line in lines where !line.isEmpty {
            guard let space = line.firstIndex(of: " ") else { return nil }
            let digits = line[..<space]
            let location = String(line[line.index(after: space)...])
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let oid = UInt32(digits), location.hasPrefix("/"),
                !location.utf8.contains(0)
            else { return nil }
            entries.append(Entry(oid: oid, location: location))
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
