/// Text that is its bytes. Swift takes texts for equal that only look alike (é as one character and as two, the sign for kelvin and K), and with them
/// its sets and dictionaries; to file systems, databases and protocols they are names of different things.
public struct ExactText: Sendable, Hashable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var text: String

    public init(_ text: String) { self.text = text }
    public init(stringLiteral value: String) { text = value }

    public static func == (left: ExactText, right: ExactText) -> Bool { left.text.isExactly(right.text) }
    public static func < (left: ExactText, right: ExactText) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    public var description: String { text }
}

extension StringProtocol {
    /// Whether both are the same bytes; see `ExactText`.
    public func isExactly(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension Sequence where Element: StringProtocol {
    /// Whether one of them is the same bytes.
    public func containsExactly(_ text: some StringProtocol) -> Bool { contains { $0.isExactly(text) } }

    /// As what is told apart by bytes.
    public var exact: Set<ExactText> { Set(map { ExactText(String($0)) }) }
}

extension String {
    /// Parts of a path, as the kernel takes it apart: a mark after a slash takes nothing from the slash.
    public var pathParts: [String] { utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) } }
}
