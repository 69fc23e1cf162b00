import Basics
import FlowModel
import StepKit

/// What a plug-in's program says of itself (docs/plug-ins.md): a system type as a value.
struct PluginManifest: Sendable {
    /// The protocol that this binary speaks.
    static let protocolVersion: Int64 = 1
    struct SystemDeclaration: Sendable {
        var name: String
        var contractVersion: Int
        var summary: String
        /// `{folder}/{image}`: settings in braces.
        var identity: String
        var capabilities: Set<Capability>
        /// The default one first.
        var views: [SystemView]
        var attachedViews: Set<SystemView>
        /// By name, or by the name of a setting in braces, whose keys are names.
        var parts: [String: SystemView]
        var scopes: [AcquisitionKind: AcquisitionScope]
        var quiesceKind: QuiesceKind
        var keepsBase: Bool
        var retires: Bool
        var snapshotCost: ManifestCost
        /// What systems of a group share, with settings in braces; nil for a type without groups.
        var groupPlace: String?
        var maxHold: TimeSpan
        var timeout: TimeSpan
        var callsAtOnce: Int
        var schema: SettingsSchema
        var checkSchema: SettingsSchema?
        var rules: ManifestRules
        var neededSettings: [Capability: [String]]
        var needs: ManifestNeeds
        var room: ManifestRoom?

        /// `path`: of its program.
        func type(at path: String) -> any SystemType {
            func type<Instance: PluginSystem>(_: Instance.Type) -> any SystemType {
                PluginSystemType<Instance>(declaration: self, path: path)
            }
            return type(PluginKind.type(for: capabilities, inGroups: groupPlace != nil))
        }
    }
    var systems: [SystemDeclaration]

    init(_ json: JSONValue, at place: String) throws(StepError) {
        let reader = ManifestReader(place: place)
        let version = json["protocol"]?.intValue
        guard version == Self.protocolVersion else {
            throw reader.error("protocol: \(Self.protocolVersion)", version.map { "\($0)" } ?? "none")
        }
        guard let declared = json["systems"]?.arrayValue, !declared.isEmpty else { throw reader.error("a list `systems`", "none") }
        var systems: [SystemDeclaration] = []
        for system in declared { systems.append(try reader.system(system)) }
        self.systems = systems
    }
}

/// Reads a manifest; what is wrong with it is said with the key.
struct ManifestReader {
    let place: String

    func error(_ expected: String, _ found: String) -> StepError {
        StepError(
            .pluginInvalid, expected: "in its manifest \(expected)", found: found, at: place,
            advice: "correct the plug-in: see docs/plug-ins.md")
    }

    func system(_ json: JSONValue) throws(StepError) -> PluginManifest.SystemDeclaration {
        let name = try text(json, "name")
        let plain = name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
        guard plain, !name.isEmpty, name.count <= 40 else { throw error("a name of a-z, 0-9 and -", "\"\(name)\"") }
        let schema = try schema(json["settings"], name)
        let identity = try template(json, "identity", schema)
        let capabilities = try capabilities(json["capabilities"], of: name)
        let (views, attachedViews) = try views(json, capabilities)
        return PluginManifest.SystemDeclaration(
            name: name, contractVersion: Int(json["contractVersion"]?.intValue ?? 1), summary: try text(json, "summary"),
            identity: identity, capabilities: capabilities, views: views, attachedViews: attachedViews,
            parts: try parts(json["parts"], schema, capabilities), scopes: try scopes(json["scope"]),
            quiesceKind: try choice(json, "quiesceKind", ["recorded": .recorded, "session": .session], .recorded),
            keepsBase: json["keepsBase"]?.boolValue ?? false, retires: json["retires"]?.boolValue ?? false,
            snapshotCost: try ManifestCost(json["snapshotCost"], schema, self), groupPlace: try groupPlace(json, schema, capabilities),
            maxHold: try span(json, "maxHold", .seconds(30)),
            timeout: try span(json, "timeout", .minutes(1)), callsAtOnce: Int(min(max(json["callsAtOnce"]?.intValue ?? 1, 1), 64)),
            schema: schema, checkSchema: try checkSchema(json["checks"], name, capabilities),
            rules: try ManifestRules(json, schema, self),
            neededSettings: try neededSettings(json["neededFor"], schema, capabilities),
            needs: try ManifestNeeds(json["needs"], schema, self), room: try ManifestRoom(json["room"], schema, self))
    }

    private func capabilities(_ json: JSONValue?, of name: String) throws(StepError) -> Set<Capability> {
        var capabilities: Set<Capability> = []
        for word in json?.arrayValue?.map({ $0.stringValue ?? "" }) ?? [] {
            guard let capability = Capability(rawValue: word) else {
                throw error("capabilities among " + Capability.allCases.sorted().map(\.rawValue).joined(separator: ", "), "\"\(word)\"")
            }
            capabilities.insert(capability)
        }
        guard !capabilities.isEmpty else { throw error("`capabilities` of \(name)", "none") }
        guard !capabilities.contains(.completing) || capabilities.contains(.quiescing) else {
            throw error("`quiescing` beside `completing`, for it is a thaw that completes copies", "none")
        }
        return capabilities
    }

    /// What of a system can be copied: its own sources, the tree first, and what is there while it is attached; or in the order of `views`.
    private func views(
        _ json: JSONValue, _ capabilities: Set<Capability>
    ) throws(StepError) -> (views: [SystemView], attached: Set<SystemView>) {
        let attached = Set(try views(json["attachedViews"], "attachedViews") ?? [])
        guard attached.isEmpty != capabilities.contains(.attaching) else {
            throw error("`attachedViews` where it is `attaching`, and there alone", json["attachedViews"]?.canonicalText ?? "none")
        }
        guard !attached.contains(.parts) else { throw error("`attachedViews`: tree, image, or both", "parts") }
        let own = [SystemView.tree, .image, .parts].filter { capabilities.contains($0.source) }
        let offered = own + attached.subtracting(own).sorted()
        guard let said = try views(json["views"], "views") else { return (offered, attached) }
        guard said.sorted() == offered.sorted() else {
            let words = offered.map(\.rawValue).joined(separator: ", ")
            throw error("`views`: each that it has once, \(words)", json["views"]?.canonicalText ?? "")
        }
        return (said, attached)
    }

    private func views(_ json: JSONValue?, _ key: String) throws(StepError) -> [SystemView]? {
        guard let json else { return nil }
        let views = json.arrayValue?.compactMap { $0.stringValue.flatMap(SystemView.init(rawValue:)) } ?? []
        guard !views.isEmpty, views.count == json.arrayValue?.count else {
            throw error("`\(key)` among tree, image and parts", json.canonicalText)
        }
        return views
    }

    /// `{definition: tree, "{disks}": image}`
    private func parts(
        _ json: JSONValue?, _ schema: SettingsSchema, _ capabilities: Set<Capability>
    ) throws(StepError) -> [String: SystemView] {
        guard let json else { return [:] }
        guard capabilities.contains(.partSource) else { throw error("`parts` of systems that are `partSource`", "others") }
        var parts: [String: SystemView] = [:]
        for (name, view) in json.objectValue ?? ["": .null] {
            guard let view = view.stringValue.flatMap(SystemView.init(rawValue:)), view != .parts, !name.isEmpty else {
                throw error("`parts`: names with tree or image", json.canonicalText)
            }
            if name.hasPrefix("{") {
                guard name.hasSuffix("}"), case .map? = schema[String(name.dropFirst().dropLast())]?.type else {
                    throw error("`parts`: in braces the name of a setting of type map", name)
                }
            }
            parts[name] = view
        }
        return parts
    }

    /// `global`, or `{snapshot: global}` for what is no host's alone.
    private func scopes(_ json: JSONValue?) throws(StepError) -> [AcquisitionKind: AcquisitionScope] {
        guard let json else { return [:] }
        var scopes: [AcquisitionKind: AcquisitionScope] = [:]
        if let one = json.stringValue.flatMap(AcquisitionScope.init(rawValue:)) {
            for kind in AcquisitionKind.allCases where kind != .attachment { scopes[kind] = one }
            return scopes
        }
        for (word, scope) in json.objectValue ?? ["": .null] {
            guard let kind = AcquisitionKind(rawValue: word), kind == .freeze || kind == .snapshot,
                let scope = scope.stringValue.flatMap(AcquisitionScope.init(rawValue:))
            else { throw error("`scope`: host or global, or one of the two for each of `freeze` and `snapshot`", json.canonicalText) }
            scopes[kind] = scope
        }
        return scopes
    }

    private func groupPlace(_ json: JSONValue, _ schema: SettingsSchema, _ capabilities: Set<Capability>) throws(StepError) -> String? {
        guard json["groupPlace"] != nil else { return nil }
        guard capabilities.contains(.snapshotting) else { throw error("`groupPlace` of systems that are `snapshotting`", "others") }
        return try template(json, "groupPlace", schema)
    }

    private func checkSchema(_ json: JSONValue?, _ name: String, _ capabilities: Set<Capability>) throws(StepError) -> SettingsSchema? {
        guard (json != nil) == capabilities.contains(.verifying) else {
            throw error("`checks`, the settings of a check, where it is `verifying`, and there alone", json?.canonicalText ?? "none")
        }
        guard let json else { return nil }
        let schema = try schema(json, "a check of \(name)")
        for field in schema.fields where field.type.holdsSecret {
            throw error("checks without secrets of their own: those of the system are there", field.name)
        }
        return schema
    }

    /// A text with settings in braces: those that are declared, and are no secrets.
    func template(_ json: JSONValue, _ key: String, _ schema: SettingsSchema) throws(StepError) -> String {
        let template = try text(json, key)
        for (setting, isSetting) in PluginSystemDeclaration.parts(of: template) where isSetting {
            guard let field = schema[setting], !field.type.holdsSecret else {
                throw error("`\(key)` of settings that are declared and not secret", "{\(setting)}")
            }
        }
        return template
    }

    /// `{quiescing: [freezeProgram]}`
    private func neededSettings(
        _ json: JSONValue?, _ schema: SettingsSchema, _ capabilities: Set<Capability>
    ) throws(StepError) -> [Capability: [String]] {
        var found: [Capability: [String]] = [:]
        for (word, names) in json?.objectValue ?? [:] {
            guard let capability = Capability(rawValue: word), capabilities.contains(capability) else {
                throw error("`neededFor` of capabilities that it has", "\"\(word)\"")
            }
            let settings = names.arrayValue?.compactMap(\.stringValue) ?? []
            guard !settings.isEmpty, settings.allSatisfy({ schema[$0] != nil }) else {
                throw error("`neededFor`: names of its settings", names.canonicalText)
            }
            found[capability] = settings
        }
        return found
    }

    func text(_ json: JSONValue, _ key: String) throws(StepError) -> String {
        guard let text = json[key]?.stringValue, !text.isEmpty else {
            throw error("`\(key)`, a text", json[key]?.canonicalText ?? "nothing")
        }
        return text
    }

    private func choice<Value>(_ json: JSONValue, _ key: String, _ choices: [String: Value], _ fallback: Value) throws(StepError) -> Value {
        guard let found = json[key] else { return fallback }
        guard let value = found.stringValue.flatMap({ choices[$0] }) else {
            throw error("`\(key)`: one of \(choices.keys.sorted().joined(separator: ", "))", found.canonicalText)
        }
        return value
    }

    private func span(_ json: JSONValue, _ key: String, _ fallback: TimeSpan) throws(StepError) -> TimeSpan {
        guard let found = json[key] else { return fallback }
        guard let span = found.stringValue.flatMap({ TimeSpan($0) }), span > .seconds(0) else {
            throw error("`\(key)`, a time such as 30s", found.canonicalText)
        }
        return span
    }

    // MARK: settings

    private func schema(_ json: JSONValue?, _ name: String) throws(StepError) -> SettingsSchema {
        var fields: [SettingField] = []
        for declared in json?.arrayValue ?? [] {
            let field = SettingField(
                name: try text(declared, "name"), summary: try text(declared, "summary"), type: try type(declared),
                defaultValue: declared["default"], isRequired: declared["required"]?.boolValue ?? false)
            guard !fields.contains(where: { $0.name == field.name }) else { throw error("one setting \(field.name) of \(name)", "two") }
            fields.append(field)
        }
        return SettingsSchema(fields)
    }

    /// `{type: integer, minimum: 1}`, `{type: choice, choices: [a, b]}`, `{type: list, of: {type: path}}`
    private func type(_ json: JSONValue) throws(StepError) -> SettingType {
        switch try text(json, "type") {
        case "string": return .string
        case "boolean": return .boolean
        case "integer":
            let (least, most) = (json["minimum"]?.intValue ?? .min, json["maximum"]?.intValue ?? .max)
            guard least <= most else { throw error("a minimum that is not above the maximum", json.canonicalText) }
            return .integer(least...most)
        case "timeSpan": return .timeSpan
        case "byteCount": return .byteCount
        case "percentage": return .percentage
        case "path": return .path
        case "argv": return .argv
        case "secret": return .secret
        case "choice":
            let words = json["choices"]?.arrayValue?.compactMap(\.stringValue) ?? []
            guard !words.isEmpty else { throw error("`choices` of a choice", "none") }
            return .choice(words)
        case "list": return .list(try type(json["of"] ?? .null))
        case "map": return .map(try type(json["of"] ?? .null))
        case let other:
            throw error(
                "a type among string, boolean, integer, timeSpan, byteCount, percentage, path, argv, secret, choice, list, map",
                "\"\(other)\"")
        }
    }
}

extension SettingType {
    /// Whether a value of it may be, or hold, a secret.
    fileprivate var holdsSecret: Bool {
        switch self {
        case .secret: true
        case .list(let type), .map(let type): type.holdsSecret
        default: false
        }
    }
}
