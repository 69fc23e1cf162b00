/// Characters of names, which are bytes of any kind.
enum UTF8Character {
    /// The first character of a name that is not empty, and its length in bytes. A byte that begins none counts as U+FFFD.
    static func first(of bytes: ArraySlice<UInt8>) -> (value: UInt32, length: Int) {
        guard let lead = bytes.first, lead >= 0x80 else { return (UInt32(bytes.first ?? 0), 1) }
        for length in 2...4 {
            guard let text = String(validating: bytes.prefix(length), as: UTF8.self) else { continue }
            if let character = text.unicodeScalars.first, bytes.count >= length { return (character.value, length) }
        }
        return (0xFFFD, 1)
    }

    /// The name in lower case, character by character as Go's `strings.ToLower` does it; bytes that are no characters become U+FFFD.
    static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.allSatisfy({ $0 < 0x80 }) { return bytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 } }
        var lower: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let (value, length) = first(of: rest)
            rest.removeFirst(length)
            guard let character = Unicode.Scalar(value) else { continue }
            // The one character whose lower case is more than one (U+0130, a capital I with a dot) is an i.
            let mapping = character.properties.lowercaseMapping.unicodeScalars
            let mapped = mapping.count == 1 ? mapping.first ?? character : value == 0x130 ? "i" : character
            lower += String(mapped).utf8
        }
        return lower
    }
}
