/// The text form of one-dimensional text arrays (PostgreSQL manual 8.15.6).
enum ArrayText {
    static func write(_ values: [String]) -> String {
        let quoted = values.map { value in
            "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        return "{" + quoted.joined(separator: ",") + "}"
    }

    /// Nil when the text is no such array, or holds a NULL.
    static func read(_ text: String) -> [String]? {
        guard text.first == "{", text.last == "}" else { return nil }
        var values: [String] = []
        var rest = text.unicodeScalars.dropFirst().dropLast()
        while let first = rest.first {
            var value = String.UnicodeScalarView()
            if first == "\"" {
                rest.removeFirst()
                var closed = false
                while let scalar = rest.popFirst() {
                    if scalar == "\"" { closed = true; break }
                    if scalar == "\\" {
                        guard let escaped = rest.popFirst() else { return nil }
                        value.append(escaped)
                    } else {
                        value.append(scalar)
                    }
                }
                guard closed else { return nil }
            } else {
                while let scalar = rest.first, scalar != "," {
                    guard scalar != "{" else { return nil }
                    value.append(scalar)
                    rest.removeFirst()
                }
                guard String(value) != "NULL" else { return nil }
            }
            values.append(String(value))
            guard let comma = rest.popFirst() else { break }
            guard comma == ",", !rest.isEmpty else { return nil }
        }
        return values
    }
}
