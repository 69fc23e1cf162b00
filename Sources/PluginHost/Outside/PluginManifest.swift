import Basics
import StepKit

/// What a plug-in's program says of itself (docs/plug-ins.md): a system type as a value.
struct PluginManifest: Sendable {
    /// The protocol that this binary speaks.
    static let protocolVersion: Int64 = 1
    /// What can be had by this door.
    static let capabilities: Set<Capability> = [
        .quiescing, .snapshotting, .treeSource, .treeDestination, .imageSource, .imageDestination, .discovering, .inventorying,
    ]
    private static let trees: Set<Capability> = [.treeSource, .treeDestination]
    private static let images: Set<Capability> = [.imageSource, .imageDestination]

    struct SystemDeclaration: Sendable {
        var name: String
        var contractVersion: Int
        var summary: String
        /// `{folder}/{image}`: settings in braces.
        var identity: String
        var capabilities: Set<Capability>
        var scope: AcquisitionScope
        var quiesceKind: QuiesceKind
        var keepsBase: Bool
        var retires: Bool
        var snapshotCost: SnapshotCost
        var maxHold: TimeSpan
        var timeout: TimeSpan
        var callsAtOnce: Int
        var schema: SettingsSchema
        var neededSettings: [Capability: [String]]
        var needs: [MachineNeed]

        /// A system is a tree or an image.
        var isBoth: Bool { !capabilities.isDisjoint(with: trees) && !capabilities.isDisjoint(with: images) }

        /// `path`: of its program.
        func type(at path: String) -> any SystemType {
            capabilities.isDisjoint(with: trees)
                ? PluginSystemType<PluginImageSystem>(declaration: self, path: path)
                : PluginSystemType<PluginTreeSystem>(declaration: self, path: path)
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
private struct ManifestReader {
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
        let identity = try text(json, "identity")
        for (setting, isSetting) in PluginSystemDeclaration.parts(of: identity) where isSetting {
            guard let field = schema[setting], field.type != .secret else {
                throw error("an identity of settings that are declared and not secret", "{\(setting)}")
            }
        }
        var capabilities: Set<Capability> = []
        for word in json["capabilities"]?.arrayValue?.map({ $0.stringValue ?? "" }) ?? [] {
            guard let capability = Capability(rawValue: word), PluginManifest.capabilities.contains(capability) else {
                throw error(
                    "capabilities among " + PluginManifest.capabilities.sorted().map(\.rawValue).joined(separator: ", "), "\"\(word)\"")
            }
            capabilities.insert(capability)
        }
        guard !capabilities.isEmpty else { throw error("`capabilities` of \(name)", "none") }
        let cost = try choice(json, "snapshotCost", ["instant": SnapshotCost.instant, "slow": .slow], .instant)
        let declaration = PluginManifest.SystemDeclaration(
            name: name, contractVersion: Int(json["contractVersion"]?.intValue ?? 1), summary: try text(json, "summary"),
            identity: identity,
            capabilities: capabilities, scope: try choice(json, "scope", ["host": .host, "global": .global], .host),
            quiesceKind: try choice(json, "quiesceKind", ["recorded": .recorded, "session": .session], .recorded),
            keepsBase: json["keepsBase"]?.boolValue ?? false, retires: json["retires"]?.boolValue ?? false, snapshotCost: cost,
            maxHold: try span(json, "maxHold", .seconds(30)),
            timeout: try span(json, "timeout", .minutes(1)), callsAtOnce: Int(min(max(json["callsAtOnce"]?.intValue ?? 1, 1), 64)),
            schema: schema, neededSettings: try neededSettings(json["neededFor"], schema, capabilities),
            needs: try ManifestNeeds(place: place).read(json["needs"]))
        guard !declaration.isBoth else { throw error("`capabilities` of a tree or of an image: two systems may share a program", "both") }
        return declaration
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

    private func text(_ json: JSONValue, _ key: String) throws(StepError) -> String {
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
