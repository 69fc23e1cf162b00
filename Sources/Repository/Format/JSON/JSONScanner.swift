import Crypto

/// Reads JSON front to back out of bytes that stay where they are: trees and indexes are large, and names are bytes, not text.
struct JSONScanner {
    /// What is wrong and where; `scan` adds which object it was.
    struct Failure: Error {
        var expected: String
        var offset: Int
    }

    /// The raw bytes of a member's name, compared with literals in a `switch`.
    struct Key {
        let bytes: UnsafeBufferPointer<UInt8>
        static func ~= (pattern: StaticString, key: Key) -> Bool {
            pattern.utf8CodeUnitCount == key.bytes.count
                && key.bytes.elementsEqual(UnsafeBufferPointer(start: pattern.utf8Start, count: pattern.utf8CodeUnitCount))
        }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0

    /// Nothing of the format nests deeper than ten; this only keeps hostile input off the stack.
    private static let maximumDepth = 64

    /// Runs `body` over `bytes`, the content of the object at `location`; more than white space after the value is an error.
    static func scan(_ bytes: [UInt8], at location: String, _ body: (inout JSONScanner) throws -> Void) throws {
        do {
            try bytes.withUnsafeBufferPointer { bytes in
                var scanner = JSONScanner(bytes: bytes)
                try body(&scanner)
                guard scanner.peek() == nil else { throw scanner.failure("the end") }
            }
        } catch let failure as Failure {
            throw RepositoryError.damaged(location, expected: failure.expected, found: "other text at byte \(failure.offset)")
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    func failure(_ expected: String) -> Failure { Failure(expected: expected, offset: position) }

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
        guard take(byte) else { throw failure("\(UnicodeScalar(byte))") }
    }

    /// Calls `member` for each member; it must consume the value.
    mutating func object(_ member: (inout JSONScanner, Key) throws -> Void) throws {
        try require(UInt8(ascii: "{"))
        try nested { scanner in
            if scanner.take(UInt8(ascii: "}")) { return }
            repeat {
                let key = try scanner.rawString()
                try scanner.require(UInt8(ascii: ":"))
                try member(&scanner, Key(bytes: key))
            } while scanner.take(UInt8(ascii: ","))
            try scanner.require(UInt8(ascii: "}"))
        }
    }

    /// Calls `element` for each element; `null` is read as no elements.
    mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        if null() { return }
        try require(UInt8(ascii: "["))
        try nested { scanner in
            if scanner.take(UInt8(ascii: "]")) { return }
            repeat { try element(&scanner) } while scanner.take(UInt8(ascii: ","))
            try scanner.require(UInt8(ascii: "]"))
        }
    }

    private mutating func nested(_ body: (inout JSONScanner) throws -> Void) throws {
        guard depth < Self.maximumDepth else { throw failure("less nesting") }
        depth += 1
        try body(&self)
        depth -= 1
    }

    /// Consumes `null` if it is next.
    mutating func null() -> Bool {
        guard peek() == UInt8(ascii: "n"), literal("null") else { return false }
        return true
    }

    private mutating func literal(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count,
            Key(bytes: UnsafeBufferPointer(rebasing: bytes[position..<position + count])).bytes
                .elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count))
        else { return false }
        position += count
        return true
    }

    mutating func bool() throws -> Bool {
        _ = peek()
        if literal("true") { return true }
        if literal("false") { return false }
        throw failure("true or false")
    }

    mutating func unsigned<Integer: FixedWidthInteger & UnsignedInteger>(_ type: Integer.Type = Integer.self) throws -> Integer {
        _ = peek()
        var value: Integer = 0
        let start = position
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Integer(digit))
            guard !overflow, !carry else { throw failure("a smaller number") }
            value = sum
            position += 1
        }
        guard position > start else { throw failure("a whole number") }
        return value
    }

    /// A string's raw bytes, escapes as they stand.
    private mutating func rawString() throws -> UnsafeBufferPointer<UInt8> {
        try require(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                defer { position += 1 }
                return UnsafeBufferPointer(rebasing: bytes[start..<position])
            case UInt8(ascii: "\\"): position += 2
            default: position += 1
            }
        }
        throw failure("the end of a string")
    }

    /// A string as UTF-8 bytes, escapes resolved.
    mutating func stringBytes() throws -> [UInt8] {
        let raw = try rawString()
        guard raw.contains(UInt8(ascii: "\\")) else { return Array(raw) }
        guard let decoded = JSONEscapes.decoded(raw) else { throw failure("valid escapes before here") }
        return decoded
    }

    mutating func string() throws -> String { String(decoding: try stringBytes(), as: UTF8.self) }

    /// Each takes 16 bytes at least, however short it is.
    mutating func strings(atMost most: Int) throws -> [String] {
        var out: [String] = []
        try array { json in
            guard out.count < most else { throw json.failure("at most \(most) texts") }
            out.append(try json.string())
        }
        return out
    }

    /// 64 lower-case hex digits in quotes.
    mutating func digest() throws -> SHA256Digest {
        guard let digest = SHA256Digest(hex: try rawString()) else { throw failure("an id of 64 hex digits before here") }
        return digest
    }

    /// Passes over one value of any kind and returns its bytes.
    @discardableResult
    mutating func skip() throws -> [UInt8] {
        let first = peek()
        let start = position
        switch first {
        case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skip() }
        case UInt8(ascii: "["): try array { try $0.skip() }
        case UInt8(ascii: "\""): _ = try rawString()
        case nil: throw failure("a value")
        default:
            while position < bytes.count, ![0x2C, 0x5D, 0x7D, 0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
            guard position > start else { throw failure("a value") }
        }
        return Array(bytes[start..<position])
    }
}
