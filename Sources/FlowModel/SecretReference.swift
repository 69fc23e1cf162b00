public import Basics

/// Where a secret's value is to be found. The value itself never enters a plan, a row, an event or a log.
/// In a document and in JSON: `{fromEnv: NAME}` or `{fromFile: /path}`.
public enum SecretReference: Sendable, Hashable {
    case environment(String)
    case file(String)
}

extension SecretReference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .environment(let name): "fromEnv \(name)"
        case .file(let path): "fromFile \(path)"
        }
    }
}

extension SecretReference {
    public init?(json: JSONValue) {
        guard case .object(let members) = json, members.count == 1 else { return nil }
        if let name = members["fromEnv"]?.stringValue {
            self = .environment(name)
        } else if let path = members["fromFile"]?.stringValue {
            self = .file(path)
        } else {
            return nil
        }
    }

    public var json: JSONValue {
        switch self {
        case .environment(let name): ["fromEnv": .string(name)]
        case .file(let path): ["fromFile": .string(path)]
        }
    }
}

extension SecretReference: Codable {
    public init(from decoder: any Decoder) throws {
        let json = try JSONValue(from: decoder)
        guard let reference = SecretReference(json: json) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "expected {fromEnv: NAME} or {fromFile: PATH}"))
        }
        self = reference
    }

    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}
