/// A number of bytes, written with its unit: `512B`, `64KiB`, `16MiB`, `2GiB`, `1TiB`, and decimal `10MB`.
public struct ByteCount: Sendable, Hashable, Comparable {
    public var bytes: Int64

    public init(bytes: Int64) { self.bytes = bytes }

    public static func kibibytes(_ value: Int64) -> ByteCount { ByteCount(bytes: value << 10) }
    public static func mebibytes(_ value: Int64) -> ByteCount { ByteCount(bytes: value << 20) }
    public static func gibibytes(_ value: Int64) -> ByteCount { ByteCount(bytes: value << 30) }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    private static let binary: [(suffix: String, bytes: Int64)] = [
        ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]
    private static let decimal: [(suffix: String, bytes: Int64)] = [
        ("PB", 1_000_000_000_000_000), ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("KB", 1000),
    ]

    /// Reads a whole number with a unit. Nil when it is something else or does not fit 63 bits.
    public init?(_ text: String) {
        let digits = text.prefix(while: { $0.isASCII && $0.isNumber })
        let suffix = text.dropFirst(digits.count)
        guard let count = Int64(digits), let unit = (Self.binary + Self.decimal).first(where: { $0.suffix == suffix }) else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { return nil }
        bytes = product
    }

    /// For people: at most one decimal, `1.5 GiB`.
    public var approximate: String {
        for unit in Self.binary where bytes >= unit.bytes {
            if unit.bytes == 1 { return "\(bytes) B" }
            let tenths = (Double(bytes) * 10 / Double(unit.bytes)).rounded()
            return "\(tenths / 10) \(unit.suffix)"
        }
        return "\(bytes) B"
    }
}

extension ByteCount: CustomStringConvertible {
    /// The exact value in the largest binary unit that divides it.
    public var description: String {
        for unit in Self.binary where bytes != 0 && bytes % unit.bytes == 0 { return "\(bytes / unit.bytes)\(unit.suffix)" }
        return "\(bytes)B"
    }
}

extension ByteCount: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let count = ByteCount(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a size such as 64MiB, found \(text)")
        }
        self = count
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
