/// A bytea column (PostgreSQL manual 8.4): bytes as the server writes them, `\x` and two hex digits each.
public struct SQLBytes: SQLDecodable, Sendable, Hashable {
    public var bytes: [UInt8]

    public static var sqlExpectation: String { "bytes" }

    public init?(sqlText text: String) {
        let digits = text.utf8
        guard digits.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]), digits.count % 2 == 0 else { return nil }
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        var found: [UInt8] = []
        found.reserveCapacity(digits.count / 2 - 1)
        var high: UInt8?
        for digit in digits.dropFirst(2) {
            guard let number = value(digit) else { return nil }
            if let first = high {
                found.append(first << 4 | number)
                high = nil
            } else {
                high = number
            }
        }
        bytes = found
    }

    /// The text form of bytes.
    static func text(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2 + 2) { buffer in
            buffer[0] = UInt8(ascii: "\\")
            buffer[1] = UInt8(ascii: "x")
            for (index, byte) in bytes.enumerated() {
                buffer[2 + index * 2] = digit(byte >> 4)
                buffer[3 + index * 2] = digit(byte & 15)
            }
            return bytes.count * 2 + 2
        }
    }

    private static func digit(_ number: UInt8) -> UInt8 { number < 10 ? UInt8(ascii: "0") + number : UInt8(ascii: "a") + number - 10 }
}
