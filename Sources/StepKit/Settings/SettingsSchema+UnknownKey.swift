public import Basics
import FlowModel

/// A key that nobody would read.
public struct UnknownKey: Sendable, Hashable {
    /// Where it stands: `queries[0].expct`.
    public var path: String
    /// The keys that are known at that place.
    public var known: [String]
}

extension SettingsSchema {
    /// The first key of the values, at any depth that is declared, that is no setting. For values that no document's reader has seen:
    /// those of a `map` whose meaning depends on something else.
    public func unknownKey(in values: [String: JSONValue], at place: String = "") -> UnknownKey? {
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            let path = place.isEmpty ? key : "\(place).\(key)"
            guard let field = self[key] else { return UnknownKey(path: path, known: fields.map(\.name)) }
            if let found = Self.unknownKey(in: value, of: field.type, at: path) { return found }
        }
        return nil
    }

    private static func unknownKey(in value: JSONValue, of type: SettingType, at place: String) -> UnknownKey? {
        switch (type, value) {
        case (.object(let schema), .object(let values)): return schema.unknownKey(in: values, at: place)
        case (.list(let element), .array(let elements)):
            for (index, value) in elements.enumerated() {
                if let found = unknownKey(in: value, of: element, at: "\(place)[\(index)]") { return found }
            }
            return nil
        default: return nil
        }
    }
}
