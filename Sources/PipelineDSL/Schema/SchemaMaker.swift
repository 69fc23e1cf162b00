import Basics
import StepKit

/// Puts the schemas of a catalog together.
struct SchemaMaker {
    let catalog: Catalog

    init(_ catalog: Catalog) { self.catalog = catalog }

    private static let name: JSONValue = ["type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"]
    private static let documentName: JSONValue = ["type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"]
    private static let labels: JSONValue = ["type": "object", "additionalProperties": ["type": "string"]]

    /// The kinds in their three envelopes.
    func document(_ kinds: [DocumentKind]) -> JSONValue {
        ["anyOf": .array(kinds.flatMap { kind in [plain(kind), kubernetes(kind), airship(kind)] })]
    }

    private func kubernetes(_ kind: DocumentKind) -> JSONValue {
        Self.closed(
            [
                "apiVersion": ["const": .string(Envelope.apiVersion)], "kind": ["const": .string(kind.rawValue)],
                "metadata": Self.closed(
                    ["name": Self.documentName, "labels": Self.labels, "annotations": true, "namespace": true], required: ["name"]),
                "spec": spec(kind),
            ], required: ["apiVersion", "kind", "metadata", "spec"])
    }

    private func airship(_ kind: DocumentKind) -> JSONValue {
        Self.closed(
            [
                "schema": ["const": .string(Envelope.airshipSchema(kind))],
                "metadata": Self.closed(
                    [
                        "schema": true, "name": Self.documentName, "labels": Self.labels, "annotations": true, "layeringDefinition": true,
                        "storagePolicy": true, "replacement": true,
                    ], required: ["name"]),
                "data": spec(kind),
            ], required: ["schema", "metadata", "data"])
    }

    private func plain(_ kind: DocumentKind) -> JSONValue {
        let envelope: [String: JSONValue] = ["name": Self.documentName, "labels": Self.labels, "kind": ["const": .string(kind.rawValue)]]
        let required = kind == .pipeline ? ["name"] : ["name", "kind"]
        let shapes = (spec(kind)["anyOf"]?.arrayValue ?? [spec(kind)]).map { shape -> JSONValue in
            guard case .object(var members) = shape else { return shape }
            members["properties"] = .object((members["properties"]?.objectValue ?? [:]).merging(envelope) { own, _ in own })
            members["required"] = .array((members["required"]?.arrayValue ?? []) + required.map(JSONValue.string))
            return .object(members)
        }
        return shapes.count == 1 ? shapes[0] : ["anyOf": .array(shapes)]
    }

    private func spec(_ kind: DocumentKind) -> JSONValue {
        switch kind {
        case .pipeline: pipeline()
        case .system: anySystem()
        case .repository: anyRepository()
        }
    }

    private func pipeline() -> JSONValue {
        func named(_ schema: JSONValue) -> JSONValue { ["type": "object", "propertyNames": Self.name, "additionalProperties": schema] }
        func kept(_ key: String, _ schema: JSONValue) -> JSONValue {
            DocumentKeys.meanwhile(key).map { schema.adding(["description": .string("Does nothing yet: \($0)")]) } ?? schema
        }
        return Self.closed(
            [
                "schedule": kept("schedule", DocumentKeys.scheduleSchema),
                "objectives": kept("objectives", DocumentKeys.objectives.schema),
                "parameters": named(DocumentKeys.parameterSchema), "systems": named(anySystem()), "repositories": named(anyRepository()),
                "limits": named(["type": "integer", "minimum": 1, "maximum": 100_000]),
                "blackouts": kept("blackouts", ["type": "array", "items": DocumentKeys.blackoutSchema]),
                "hooks": kept("hooks", ["type": "array", "items": DocumentKeys.hook.schema]),
                "steps": ["type": "array", "items": ["$ref": "#/$defs/step"], "minItems": 1],
            ], required: ["steps"])
    }

    private func anySystem() -> JSONValue { ["anyOf": .array(catalog.systems.map { system($0) })] }
    private func anyRepository() -> JSONValue { ["anyOf": .array(catalog.repositories.map { repository($0) })] }

    func system(_ type: any SystemType) -> JSONValue {
        declaration(type.name, type.summary, type.schema, DocumentKeys.system)
    }

    func repository(_ type: any RepositoryType) -> JSONValue {
        declaration(type.name, type.summary, type.schema, DocumentKeys.repository)
    }

    private func declaration(_ name: String, _ summary: String, _ own: SettingsSchema, _ everybody: SettingsSchema) -> JSONValue {
        var properties = everybody.properties.merging(own.properties) { _, own in own }
        properties["type"] = ["const": .string(name)]
        guard case .object(var members) = Self.closed(properties, required: []) else { return .null }
        members["required"] = .array(Set(everybody.required + own.required).sorted { $0.canonicalText < $1.canonicalText })
        members["description"] = .string(summary)
        return .object(members)
    }

    func anyStep() -> JSONValue {
        let parallel = Self.closed(
            [DocumentKeys.parallel: ["type": "array", "items": ["$ref": "#/$defs/step"], "minItems": 1], "after": true],
            required: [DocumentKeys.parallel])
        return ["anyOf": .array(catalog.verbs.map { step($0.declaration) } + [parallel])]
    }

    /// A step with the verb.
    func step(_ verb: VerbDeclaration) -> JSONValue {
        var properties = DocumentKeys.step.properties.merging(verb.schema.properties) { _, own in own }
        properties["id"] = Self.name
        properties["retry"] = DocumentKeys.retrySchema
        if verb.windowRole == .instantWhenDeclared { properties["instant"] = ["type": "boolean"] }
        if verb.windowRole == .opens, verb.schema["maxHold"] == nil { properties["maxHold"] = SettingType.timeSpan.schema }
        properties[verb.name] = subject(verb)
        guard case .object(var members) = Self.closed(properties, required: []) else { return .null }
        members["description"] = .string(verb.summary)
        members["required"] = .array([.string(verb.name)] + (verb.subject == .none ? [] : verb.schema.required))
        if verb.subject == .none, !verb.schema.required.isEmpty {
            // A setting stands after the colon or beside the verb.
            members["allOf"] = .array(
                verb.schema.required.map { key in
                    var places: [JSONValue] = [
                        ["required": [key]],
                        ["properties": [verb.name: ["type": "object", "required": [key]]]],
                    ]
                    if key == "argv" { places.append(["properties": [verb.name: ["type": "array"]]]) }
                    return ["anyOf": .array(places)]
                })
        }
        return .object(members)
    }

    private func subject(_ verb: VerbDeclaration) -> JSONValue {
        switch verb.subject {
        case .systems: ["anyOf": [Self.name, ["type": "array", "items": Self.name, "minItems": 1]]]
        case .repository, .copyStepOrRepository: Self.name
        case .repositorySnapshot: ["type": ["string", "integer"]]
        case .none: inline(verb)
        }
    }

    private func inline(_ verb: VerbDeclaration) -> JSONValue {
        var properties = verb.schema.properties
        properties["timeout"] = properties["timeout"] ?? SettingType.timeSpan.schema
        var shapes: [JSONValue] = [["type": "null"], Self.closed(properties, required: [])]
        if verb.schema["argv"] != nil { shapes.append(SettingType.argv.plainSchema) }
        return ["anyOf": .array(shapes)]
    }

    private static func closed(_ properties: [String: JSONValue], required: [String]) -> JSONValue {
        [
            "type": "object", "properties": .object(properties), "required": .array(required.map(JSONValue.string)),
            "additionalProperties": false,
        ]
    }
}
