import Basics

/// A document as it was given: its name for messages, and its bytes.
public struct SourceText: Sendable, Hashable {
    public var name: String
    public var bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        // A byte order mark says nothing about UTF-8 (YAML 1.2, 5.2).
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    }

    /// A line by its number, 1-based, without its end; empty when there is none. Long ones are cut, control characters replaced.
    func line(_ number: Int) -> String {
        guard let range = range(ofLine: number) else { return "" }
        return SecretInText.hidden(String(decoding: bytes[range].prefix(200), as: UTF8.self).safe(atMost: 200))
    }

    /// The bytes of a line without its end.
    func range(ofLine number: Int) -> Range<Int>? {
        var current = 1
        var start = 0
        var index = 0
        while index < bytes.count {
            let length = breakLength(at: index)
            guard length > 0 else {
                index += 1
                continue
            }
            if current == number { return start..<index }
            index += length
            start = index
            current += 1
        }
        return current == number ? start..<index : nil
    }

    /// The mark of a byte.
    func mark(ofByte position: Int) -> SourceMark {
        var (line, start, index) = (1, 0, 0)
        while index < position {
            let length = breakLength(at: index)
            index += max(length, 1)
            if length > 0, index <= position { (line, start) = (line + 1, index) }
        }
        return SourceMark(line: line, column: String(decoding: bytes[min(start, position)..<position], as: UTF8.self).count + 1)
    }

    /// The bytes of the line end that begins there, 0 where none does: those of YAML 1.1, as libyaml counts them (LF, CR, CRLF, NEL, LS, PS).
    private func breakLength(at index: Int) -> Int {
        switch bytes[index] {
        case 0x0A: 1
        case 0x0D: index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 2 : 1
        case 0xC2: index + 1 < bytes.count && bytes[index + 1] == 0x85 ? 2 : 0
        case 0xE2: index + 2 < bytes.count && bytes[index + 1] == 0x80 && (0xA8...0xA9).contains(bytes[index + 2]) ? 3 : 0
        default: 0
        }
    }
}

extension String {
    /// As it may be shown: nothing in it steers the reader's terminal, and no more of it than helps.
    func safe(atMost limit: Int) -> String {
        let scalars = unicodeScalars.prefix(limit).map { scalar in
            scalar != "\t" && scalar.isUnprintable ? "\u{FFFD}" : scalar
        }
        return String(String.UnicodeScalarView(scalars)) + (unicodeScalars.count > limit ? "…" : "")
    }
}

/// A place in a document: 1-based; the column counts characters.
public struct SourceMark: Sendable, Hashable, Codable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: SourceMark, right: SourceMark) -> Bool { (left.line, left.column) < (right.line, right.column) }
}
