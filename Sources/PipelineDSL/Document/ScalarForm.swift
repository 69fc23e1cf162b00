import Basics
import FlowModel
import StepKit

/// Checks one value against a type that is no list and no mapping.
enum ScalarForm {
    /// The value in its one spelling, or nil when it has another type.
    static func canonical(_ json: JSONValue, as type: SettingType) -> JSONValue? {
        switch type {
        case .string, .stepName, .systemName, .repositoryName: return json.stringValue.map(JSONValue.string)
        case .boolean: return json.boolValue.map(JSONValue.bool)
        case .integer(let range):
            guard let value = json.intValue, range.contains(value) else { return nil }
            return .int(value)
        case .timeSpan: return TimeSpan(setting: json)?.settingJSON
        case .byteCount: return ByteCount(setting: json)?.settingJSON
        case .percentage: return Percentage(setting: json)?.settingJSON
        case .path:
            guard let path = json.stringValue, path.hasPrefix("/"), !path.utf8.contains(0) else { return nil }
            return .string(path)
        case .choice(let words):
            guard let word = json.stringValue, words.contains(word) else { return nil }
            return json
        case .any: return json
        case .argv, .secret, .list, .map, .object, .either: return nil
        }
    }

    /// Checks a value that did not come from a document: a parameter's value, an expression's result.
    static func fits(_ json: JSONValue, _ type: SettingType) -> Bool {
        switch type {
        case .either(let types): return types.contains { fits(json, $0) }
        case .list(let element): return json.arrayValue?.allSatisfy { fits($0, element) } ?? false
        case .argv: return json.arrayValue.map { !$0.isEmpty && $0.allSatisfy { $0.stringValue != nil } } ?? false
        case .map(let element): return json.objectValue?.values.allSatisfy { fits($0, element) } ?? false
        case .object(let schema):
            guard let members = json.objectValue else { return false }
            return members.allSatisfy { key, value in schema[key].map { fits(value, $0.type) } ?? false }
        case .secret: return SecretReference(json: json) != nil
        default: return canonical(json, as: type) != nil
        }
    }
}
