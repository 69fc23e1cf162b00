/// A pattern of one name, with the meaning of Go's `filepath.Match`, which restic uses: `*` is any run of characters, `?` one character,
/// `[a-z]` one of a class and `[^a-z]` one outside of it, `\` takes the next character as it is.
struct NamePattern: Sendable, Hashable {
    private enum Token: Sendable, Hashable {
        case byte(UInt8)
        case anyCharacter
        case member(of: CharacterClass)
    }

    private struct CharacterClass: Sendable, Hashable {
        struct Span: Sendable, Hashable {
            var first: UInt32
            var last: UInt32
        }
        var spans: [Span]
        var isNegated: Bool

        func contains(_ character: UInt32) -> Bool {
            spans.contains { $0.first <= character && character <= $0.last } != isNegated
        }
    }

    /// What lies between two `*`.
    private struct Chunk: Sendable, Hashable {
        /// True: any run of characters may come before.
        var followsStar: Bool
        var tokens: [Token] = []
    }

    /// What is wrong with a pattern.
    enum Mistake: String, Error {
        case emptyClass = "a class `[...]` that holds nothing"
        case openClass = "a class `[...]` that does not end"
        case badSpan = "a class `[...]` with a `-` or `]` that is not escaped"
        case loneBackslash = "a `\\` with nothing after it"
    }

    /// The name itself where nothing in the pattern is special: the common case, and quick.
    private let literal: [UInt8]?
    private let chunks: [Chunk]

    init(_ pattern: ArraySlice<UInt8>) throws(Mistake) {
        guard pattern.contains(where: Array("\\[]*?".utf8).contains) else {
            literal = Array(pattern)
            chunks = []
            return
        }
        literal = nil
        var rest = pattern
        var chunks = [Chunk(followsStar: false)]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                // Of several stars in a row one is enough.
                if chunks[chunks.count - 1].tokens.isEmpty { chunks.removeLast() }
                chunks.append(Chunk(followsStar: true))
            case UInt8(ascii: "?"): chunks[chunks.count - 1].tokens.append(.anyCharacter)
            case UInt8(ascii: "["): chunks[chunks.count - 1].tokens.append(.member(of: try Self.characterClass(&rest)))
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst() else { throw .loneBackslash }
                chunks[chunks.count - 1].tokens.append(.byte(next))
            default: chunks[chunks.count - 1].tokens.append(.byte(byte))
            }
        }
        self.chunks = chunks
    }

    /// What comes after `[`, with the `]`.
    private static func characterClass(_ rest: inout ArraySlice<UInt8>) throws(Mistake) -> CharacterClass {
        var found = CharacterClass(spans: [], isNegated: false)
        if rest.first == UInt8(ascii: "^") {
            found.isNegated = true
            rest.removeFirst()
        }
        while true {
            guard let next = rest.first else { throw .openClass }
            if next == UInt8(ascii: "]"), !found.spans.isEmpty {
                rest.removeFirst()
                return found
            }
            let first = try member(&rest)
            var last = first
            if rest.first == UInt8(ascii: "-") {
                rest.removeFirst()
                last = try member(&rest)
            }
            found.spans.append(CharacterClass.Span(first: first, last: last))
        }
    }

    private static func member(_ rest: inout ArraySlice<UInt8>) throws(Mistake) -> UInt32 {
        guard let next = rest.first else { throw .openClass }
        if next == UInt8(ascii: "]") { throw .emptyClass }
        if next == UInt8(ascii: "-") { throw .badSpan }
        if next == UInt8(ascii: "\\") { rest.removeFirst() }
        guard !rest.isEmpty else { throw .loneBackslash }
        let (character, length) = UTF8Character.first(of: rest)
        rest.removeFirst(length)
        guard !rest.isEmpty else { throw .openClass }
        return character
    }

    /// The first place where each chunk fits is taken, as Go does it; the last one must end with the name.
    func matches(_ name: [UInt8]) -> Bool {
        if let literal { return literal == name }
        var rest = name[...]
        for (index, chunk) in chunks.enumerated() {
            let isLast = index == chunks.count - 1
            guard let end = place(chunk, in: rest, toTheEnd: isLast) else { return false }
            rest = rest[end...]
        }
        return rest.isEmpty
    }

    /// Where the chunk ends in the name; nil when it fits nowhere.
    private func place(_ chunk: Chunk, in name: ArraySlice<UInt8>, toTheEnd: Bool) -> Int? {
        if chunk.tokens.isEmpty { return chunk.followsStar ? name.endIndex : name.startIndex }
        let starts = chunk.followsStar ? name.startIndex...name.endIndex : name.startIndex...name.startIndex
        for start in starts {
            if let end = Self.end(of: chunk.tokens, in: name[start...]), !toTheEnd || end == name.endIndex { return end }
        }
        return nil
    }

    private static func end(of tokens: [Token], in name: ArraySlice<UInt8>) -> Int? {
        var rest = name
        for token in tokens {
            guard let byte = rest.first else { return nil }
            switch token {
            case .byte(let wanted):
                guard byte == wanted else { return nil }
                rest.removeFirst()
            case .anyCharacter: rest.removeFirst(UTF8Character.first(of: rest).length)
            case .member(let wanted):
                let (character, length) = UTF8Character.first(of: rest)
                guard wanted.contains(character) else { return nil }
                rest.removeFirst(length)
            }
        }
        return rest.startIndex
    }
}
