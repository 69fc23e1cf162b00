/// Reads JSON text (RFC 8259) into values. It stands between processes, and between us and the database: Foundation's decoder, which has to try a
/// value's kinds one after the other, took a tenth of the time of a small job.
struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0
    private let maximumDepth: Int

    /// The one value that `bytes` hold; a byte order mark before it is passed over. Of a name that an object has twice the last one counts. Throws
    /// `DecodingError`.
    static func parse(_ bytes: UnsafeBufferPointer<UInt8>, depth: Int) throws -> JSONValue {
        var parser = JSONParser(bytes: bytes, maximumDepth: depth)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
        let value = try parser.value()
        guard parser.peek() == nil else { throw parser.failure("the end") }
        return value
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    private func failure(_ expected: String) -> DecodingError {
        let found = position < bytes.count ? "other text" : "its end"
        return .dataCorrupted(
            .init(codingPath: [], debugDescription: "expected \(expected), found \(found) at byte \(position) of the JSON text"))
    }

    // MARK: pieces

    /// The next byte that is no white space, which stays.
    private mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private mutating func require(_ byte: UInt8) throws {
        guard take(byte) else { throw failure("`\(UnicodeScalar(byte))`") }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count,
            bytes[position..<position + count].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: count))
        else { throw failure("`\(word)`") }
        position += count
        return value
    }

    // MARK: values

    private mutating func value() throws -> JSONValue {
        switch peek() {
        case UInt8(ascii: "\""): .string(try string())
        case UInt8(ascii: "{"): try nested { try $0.object() }
        case UInt8(ascii: "["): try nested { try $0.array() }
        case UInt8(ascii: "t"): try word("true", true)
        case UInt8(ascii: "f"): try word("false", false)
        case UInt8(ascii: "n"): try word("null", nil)
        default: try number()
        }
    }

    private mutating func nested(_ body: (inout JSONParser) throws -> JSONValue) throws -> JSONValue {
        guard depth < maximumDepth else { throw failure("at most \(maximumDepth) values within each other") }
        position += 1
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    private mutating func object() throws -> JSONValue {
        var members: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            guard peek() == UInt8(ascii: "\"") else { throw failure("a member's name") }
            let name = try string()
            try require(UInt8(ascii: ":"))
            members[name] = try value()
        } while take(UInt8(ascii: ","))
        try require(UInt8(ascii: "}"))
        return .object(members)
    }

    private mutating func array() throws -> JSONValue {
        var elements: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        repeat { elements.append(try value()) } while take(UInt8(ascii: ","))
        try require(UInt8(ascii: "]"))
        return .array(elements)
    }

    // MARK: numbers

    /// Whole ones as integers where they fit, also when they are written with a fraction of zeros or an exponent.
    private mutating func number() throws -> JSONValue {
        let start = position
        if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
        let first = position
        guard digits() > 0, bytes[first] != UInt8(ascii: "0") || position == first + 1 else {
            position = first
            throw failure("a value")
        }
        var isPlain = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isPlain = false
            position += 1
            guard digits() > 0 else { throw failure("digits after the point") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isPlain = false
            position += 1
            if position < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[position]) { position += 1 }
            guard digits() > 0 else { throw failure("digits of an exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isPlain, let whole = Int64(text) { return .int(whole) }
        guard let value = Double(text), value.isFinite else {
            position = start
            throw failure("a number that can be represented")
        }
        return Int64(exactly: value).map { .int($0) } ?? .double(value)
    }

    /// How many were passed.
    private mutating func digits() -> Int {
        let start = position
        while position < bytes.count, bytes[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        return position - start
    }

    // MARK: strings

    private mutating func string() throws -> String {
        position += 1
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                guard let text = String(validating: bytes[start..<position], as: UTF8.self) else {
                    position = start
                    throw failure("UTF-8")
                }
                position += 1
                return text
            case UInt8(ascii: "\\"): return try escaped(from: start)
            case 0..<0x20: throw failure("no control character in a string")
            default: position += 1
            }
        }
        throw failure("the end of a string")
    }

    /// A string that begins at `start` and has its first escape here.
    private mutating func escaped(from start: Int) throws -> String {
        var units = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else {
                    position = start
                    throw failure("UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): units += try escape().utf8
            case 0..<0x20:
                position -= 1
                throw failure("no control character in a string")
            default: units.append(byte)
            }
        }
        throw failure("the end of a string")
    }

    private mutating func escape() throws -> String {
        guard position < bytes.count else { throw failure("an escape") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var units = [try unit()]
            // The first half of a pair: the other must follow.
            if units[0] & 0xFC00 == 0xD800 {
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") else {
                    throw failure("the other half of a surrogate pair")
                }
                position += 2
                units.append(try unit())
            }
            guard let text = String(validating: units, as: UTF16.self) else { throw failure("a whole surrogate pair before here") }
            return text
        default:
            position -= 1
            throw failure("an escape")
        }
    }

    /// Four hex digits.
    private mutating func unit() throws -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue, bytes[position] < 0x80 else {
                throw failure("four hex digits")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
