public import Basics

/// A password, and how the file that it comes from is read: as restic reads one, so that the same file opens the same repository with both programs.
///
/// restic (internal/textfile, cmd/restic `loadPasswordFromFile`): a byte-order mark goes, UTF-16 that one announces becomes UTF-8, white space at both ends
/// goes. An environment variable is taken as it is.
public struct RepositoryPassword: Sendable {
    /// What may open a repository, tried in this order. Never empty ones; the first is what a new key is made with.
    let readings: [[UInt8]]

    /// The bytes as they are. Empty ones open nothing.
    public init(_ bytes: [UInt8]) { readings = [bytes].filter { !$0.isEmpty } }

    /// The content of a file, with or without the line end at its end.
    ///
    /// This program once took nothing off but that line end: such a reading is tried where restic's opens nothing.
    public init(file content: [UInt8]) {
        let restics = Self.trimmed(TextEncoding.utf8(of: content))
        var former = content
        if former.last == UInt8(ascii: "\n") { former.removeLast() }
        if former.last == UInt8(ascii: "\r") { former.removeLast() }
        readings = (restics == former ? [restics] : [restics, former]).filter { !$0.isEmpty }
        isBlank = restics.isEmpty
    }

    /// True where a file holds white space only, which is no password for a new key.
    private var isBlank = false

    /// For a new key. Throws `.invalid` where there is none.
    func forNewKey(at location: String) throws -> [UInt8] {
        guard let first = readings.first, !isBlank else {
            throw RepositoryError(
                .invalid, expected: "a password", found: isBlank ? "white space only" : "an empty one", at: location,
                advice: "check where the password comes from")
        }
        return first
    }

    /// Without white space at both ends: what Unicode calls so (White_Space), as Go's strings.TrimSpace.
    private static func trimmed(_ text: [UInt8]) -> [UInt8] {
        var rest = text[...]
        while let (scalar, count) = first(of: rest), scalar.properties.isWhitespace { rest = rest.dropFirst(count) }
        while let (scalar, count) = last(of: rest), scalar.properties.isWhitespace { rest = rest.dropLast(count) }
        return Array(rest)
    }

    /// Nil where the bytes at the beginning are no UTF-8.
    private static func first(of bytes: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, count: Int)? {
        Array(bytes.prefix(4)).withUnsafeBufferPointer { bytes in
            var decoder = UTF8Decoder(bytes)
            guard case .scalar(let scalar) = decoder.next() else { return nil }
            return (scalar, UTF8.width(scalar))
        }
    }

    private static func last(of bytes: ArraySlice<UInt8>) -> (scalar: Unicode.Scalar, count: Int)? {
        for count in 1...4 where count <= bytes.count {
            if let (scalar, width) = first(of: bytes.suffix(count)), width == count { return (scalar, count) }
        }
        return nil
    }
}

extension RepositoryPassword: SecretHolding {
    public var shown: String { "<redacted>" }
}
