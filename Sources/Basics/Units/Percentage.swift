/// A share of a whole, more than 0 and at most 100, written `10%` or `2.5%`.
public struct Percentage: Sendable, Hashable {
    public var percent: Double

    /// Nil when outside (0, 100].
    public init?(percent: Double) {
        guard percent > 0, percent <= 100 else { return nil }
        self.percent = percent
    }

    public init?(_ text: String) {
        guard text.hasSuffix("%"), let value = Double(text.dropLast()),
            text.dropLast().allSatisfy({ $0.isNumber || $0 == "." })
        else { return nil }
        self.init(percent: value)
    }

    public var fraction: Double { percent / 100 }
}

extension Percentage: CustomStringConvertible {
    public var description: String {
        if let whole = Int(exactly: percent) { "\(whole)%" } else { "\(percent)%" }
    }
}

extension Percentage: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Percentage(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a share such as 10%, found \(text)")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
