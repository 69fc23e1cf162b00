public import Basics

/// A value that travels as a parameter `$n`. The server takes its type from where it stands in the statement.
public enum SQLValue: Sendable, Hashable {
    case null
    case text(String)
    case int(Int64)
    case bool(Bool)
    case double(Double)
    case json(JSONValue)
    case instant(Instant)
    case texts([String])
    case bytes([UInt8])
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral {
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }

    public static func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
    public static func int(_ value: Int) -> SQLValue { .int(Int64(value)) }
    public static func int(_ value: Int64?) -> SQLValue { value.map { .int($0) } ?? .null }
    public static func json(_ value: JSONValue?) -> SQLValue { value.map { .json($0) } ?? .null }
    public static func instant(_ value: Instant?) -> SQLValue { value.map { .instant($0) } ?? .null }
    /// A time span as an `interval`.
    public static func interval(_ value: TimeSpan?) -> SQLValue { value.map { .text("\($0.milliseconds) milliseconds") } ?? .null }
}

extension SQLValue {
    /// The text form that the server reads; nil for NULL.
    var wireText: String? {
        switch self {
        case .null: nil
        case .text(let value): value
        case .int(let value): String(value)
        case .bool(let value): value ? "t" : "f"
        case .double(let value):
            if value.isNaN { "NaN" } else if value.isInfinite { value < 0 ? "-Infinity" : "Infinity" } else { value.description }
        case .json(let value): value.canonicalText
        case .instant(let value): TimestampText.write(value)
        case .texts(let values): ArrayText.write(values)
        case .bytes(let bytes): SQLBytes.text(bytes)
        }
    }
}
