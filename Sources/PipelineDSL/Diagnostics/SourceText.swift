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
        var current = 1
        var start = bytes.startIndex
        while current < number, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            start = end + 1
            current += 1
        }
        guard current == number else { return "" }
        var line = bytes[start...].prefix(while: { $0 != UInt8(ascii: "\n") }).prefix(200)
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return SecretInText.hidden(String(decoding: line, as: UTF8.self).safe(atMost: 200))
    }
}

extension String {
    /// As it may be shown: nothing in it steers the reader's terminal, and no more of it than helps.
    func safe(atMost limit: Int) -> String {
        let scalars = unicodeScalars.prefix(limit).map { scalar in
            scalar != "\t" && [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
                ? "\u{FFFD}" : scalar
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
