public import Basics

/// A Swift type that a column's text form can be read as.
public protocol SQLDecodable {
    /// What to say when a value is something else: `a whole number`.
    static var sqlExpectation: String { get }
    /// Nil when the text is something else.
    init?(sqlText text: String)
}

extension String: SQLDecodable {
    public static var sqlExpectation: String { "text" }
    public init?(sqlText text: String) { self = text }
}

extension Int64: SQLDecodable {
    public static var sqlExpectation: String { "a whole number" }
    public init?(sqlText text: String) { self.init(text) }
}

extension Int: SQLDecodable {
    public static var sqlExpectation: String { "a whole number" }
    public init?(sqlText text: String) { self.init(text) }
}

extension Double: SQLDecodable {
    public static var sqlExpectation: String { "a number" }
    public init?(sqlText text: String) { self.init(text) }
}

extension Bool: SQLDecodable {
    public static var sqlExpectation: String { "true or false" }
    public init?(sqlText text: String) {
        switch text {
        case "t": self = true
        case "f": self = false
        default: return nil
        }
    }
}

extension Instant: SQLDecodable {
    public static var sqlExpectation: String { "a point in time" }
    public init?(sqlText text: String) {
        guard let instant = TimestampText.read(text) else { return nil }
        self = instant
    }
}

extension JSONValue: SQLDecodable {
    public static var sqlExpectation: String { "JSON" }
    public init?(sqlText text: String) {
        guard let json = try? JSONValue(parsing: text.utf8) else { return nil }
        self = json
    }
}

extension Array: SQLDecodable where Element == String {
    public static var sqlExpectation: String { "an array of text" }
    public init?(sqlText text: String) {
        guard let values = ArrayText.read(text) else { return nil }
        self = values
    }
}
