/// What may be a name: it becomes part of step ids, expressions, tags and object names.
public enum DocumentName {
    /// In bytes.
    public static let longest = 63

    /// Letters, digits, `-` and `_` (and `.` where `dots`), starting with a letter or digit.
    public static func isGood(_ name: String, dots: Bool = false) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= longest else { return false }
        return name.utf8.allSatisfy { byte in
            isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || (dots && byte == UInt8(ascii: "."))
        }
    }

    /// A text as part of a step id: what may not stand in a name becomes `-`.
    public static func slug(_ text: String) -> String {
        var slug = ""
        for character in text {
            let isGood = character.utf8.count == 1 && character.utf8.allSatisfy(isAlphanumeric)
            if isGood { slug.append(character) } else if !slug.isEmpty, slug.last != "-" { slug.append("-") }
        }
        while slug.last == "-" { slug.removeLast() }
        return String(slug.prefix(40))
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }
}
