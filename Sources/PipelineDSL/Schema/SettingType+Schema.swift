import Basics
import StepKit

extension SettingType {
    private static let expression: JSONValue = ["type": "string", "pattern": "\\$\\{", "description": "an expression"]

    /// As it may stand in a document: an expression where one is allowed, else the value.
    var schema: JSONValue {
        let plain = plainSchema
        if mustBeWrittenOut != nil { return plain }
        switch self {
        case .string, .any: return plain
        default: return ["anyOf": [plain, Self.expression]]
        }
    }

    /// The value itself.
    var plainSchema: JSONValue {
        switch self {
        case .string: ["type": "string"]
        case .boolean: ["type": "boolean"]
        case .integer(let range):
            .object(
                ["type": "integer"].merging(
                    [("minimum", range.lowerBound, Int64.min), ("maximum", range.upperBound, Int64.max)]
                        .filter { $0.1 != $0.2 }.map { ($0.0, JSONValue.int($0.1)) }, uniquingKeysWith: { _, new in new }))
        case .timeSpan: ["type": "string", "minLength": 2, "pattern": "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"]
        case .byteCount: ["type": "string", "pattern": "^[0-9]+([KMGTP]iB|[kKMGTP]B|B)$"]
        // More than 0%, at most 100%.
        case .percentage: ["type": "string", "pattern": "^(?=[^%]*[1-9])0*(100(\\.0*)?|[0-9]{0,2}(\\.[0-9]*)?)%$"]
        case .path: ["type": "string", "pattern": "^/"]
        case .argv: ["type": "array", "items": ["type": "string"], "minItems": 1]
        case .secret:
            [
                "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
                "properties": ["fromEnv": ["type": "string", "minLength": 1], "fromFile": ["type": "string", "pattern": "^/"]],
            ]
        case .choice(let words): ["enum": .array(words.map(JSONValue.string))]
        case .list(let element): ["type": "array", "items": element.schema]
        case .map(let element): ["type": "object", "additionalProperties": element.schema]
        case .object(let schema): schema.schema
        case .systemName, .repositoryName, .stepName: ["type": "string", "minLength": 1]
        case .either(let types): ["anyOf": .array(types.map(\.schema))]
        case .any: true
        }
    }
}

extension SettingField {
    var schema: JSONValue {
        guard case .object(var members) = type.schema else { return type.schema }
        // A mapping that has to be there says something.
        if isRequired, case .object(let fields) = type, fields.required.isEmpty {
            members = ["anyOf": .array((members["anyOf"]?.arrayValue ?? [.object(members)]).map { $0.adding(["minProperties": 1]) })]
        }
        members["description"] = .string(toldSummary)
        if let defaultValue { members["default"] = defaultValue }
        return .object(members)
    }
}

extension JSONValue {
    /// A schema with more said of what it is about; an expression in its place stays one.
    func adding(_ more: [String: JSONValue]) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.merging(more) { _, new in new })
    }
}

extension SettingsSchema {
    var properties: [String: JSONValue] { Dictionary(fields.map { ($0.name, $0.schema) }, uniquingKeysWith: { first, _ in first }) }
    var required: [JSONValue] { fields.filter(\.isRequired).map { .string($0.name) } }

    var schema: JSONValue {
        ["type": "object", "properties": .object(properties), "required": .array(required), "additionalProperties": false]
    }
}
