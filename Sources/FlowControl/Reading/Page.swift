/// A part of a list.
public struct Page<Item: Sendable & Codable>: Sendable, Codable {
    public var items: [Item]
    /// What the next page is asked for with; nil: this is the last.
    public var next: String?

    public init(items: [Item], next: String? = nil) {
        self.items = items
        self.next = next
    }
}
