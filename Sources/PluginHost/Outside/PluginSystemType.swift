import Basics
import FlowModel
import Foundation
import StepKit
import StorageKit

/// A system type whose plug-in is a program outside this binary.
struct PluginSystemType<Instance: PluginSystem>: SystemType {
    let declaration: PluginManifest.SystemDeclaration
    private let freezes = FreezeSessions()
    /// The program's absolute path.
    let path: String

    init(declaration: PluginManifest.SystemDeclaration, path: String) { (self.declaration, self.path) = (declaration, path) }

    var name: String { declaration.name }
    var contractVersion: Int { declaration.contractVersion }
    var summary: String { declaration.summary }
    var schema: SettingsSchema { declaration.schema }
    func scope(of kind: AcquisitionKind) -> AcquisitionScope { declaration.scopes[kind] ?? .host }
    var scope: AcquisitionScope { scope(of: .snapshot) }
    var defaultMaxHold: TimeSpan { declaration.maxHold }
    var capabilities: Set<Capability> { declaration.capabilities }
    var views: [SystemView] { declaration.views }
    var attachedViews: Set<SystemView> { declaration.attachedViews }
    var checkSchema: SettingsSchema? { declaration.checkSchema }
    func parts(_ settings: Settings) -> [String: SystemView] {
        declaration.parts.reduce(into: [:]) { parts, part in
            guard part.key.hasPrefix("{") else { return parts[part.key] = part.value }
            let setting = String(part.key.dropFirst().dropLast())
            for name in (settings.values[setting]?.objectValue ?? [:]).keys { parts[name] = part.value }
        }
    }
    func problems(in settings: Settings) -> [SettingProblem] { declaration.rules.problems(in: settings) }
    func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost { try declaration.snapshotCost.cost(settings, schema) }
    func groupPlace(_ settings: Settings) -> String? {
        declaration.groupPlace.flatMap { PluginSystemDeclaration.filled($0, settings, schema) }
    }
    func roomNeed(_ settings: Settings) throws(StepError) -> RoomNeed? { try declaration.room?.need(settings, schema) }
    func settings(neededFor capability: Capability) -> [String] { declaration.neededSettings[capability] ?? [] }
    var needs: [MachineNeed] { declaration.needs.all }
    func needs(with settings: Settings) throws(StepError) -> [MachineNeed] { declaration.needs.all(with: settings) }
    var isolation: Isolation { .child(because: .foreignProgram) { [timeout = declaration.timeout] _ in timeout } }

    func identity(_ settings: Settings) throws(StepError) -> String {
        name + ":"
            + PluginSystemDeclaration.parts(of: declaration.identity).map { part, isSetting in
                guard isSetting else { return part }
                let value = settings.values[part] ?? schema[part]?.defaultValue ?? ""
                return value.stringValue ?? value.canonicalText
            }.joined()
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance {
        var values = settings.values
        for field in schema.fields where values[field.name] == nil { values[field.name] = field.defaultValue }
        let secrets = PluginSecrets(schema: schema, values: values, resolver: context.secrets)
        let (name, log) = (name, context.log)
        let opening: JSONValue = [
            "system": .string(name), "protocol": .int(PluginManifest.protocolVersion), "settings": .object(try secrets.revealed()),
            "origin": .string(settings.origin),
            "context": ContextMessage.of(context),
        ]
        let program = PluginProgram(
            name: "plug-in \(name)", command: [path, "serve"], environment: PluginSystemDeclaration.environment,
            timeout: declaration.timeout,
            callsAtOnce: declaration.callsAtOnce)
        let session = PluginSession(program, secrets: try secrets.texts()) { line in
            log(LogLevel(rawValue: line.level) ?? .info, "\(name): \(line.message)")
        } opening: {
            opening
        }
        let logicalPath = TreePath([FileName(name)] + TreePath(String(try identity(settings).dropFirst(name.count + 1))).parts)
        let checks = declaration.checkSchema
        return Instance(
            PluginLine(
                session: session, freezes: freezes, keepsBase: declaration.keepsBase, retires: declaration.retires,
                quiesceKind: declaration.quiesceKind, groupPlace: groupPlace(settings),
                checkValues: { check in
                    (checks?.fields ?? []).reduce(into: check.values) { values, field in
                        if values[field.name] == nil { values[field.name] = field.defaultValue }
                    }
                }, attachedPath: { _ in logicalPath }, opening: opening, isOurs: false),
            logicalPath: logicalPath)
    }
}

enum PluginSystemDeclaration {
    /// A template with the values of its settings; nil where one of them has none.
    static func filled(_ template: String, _ settings: Settings, _ schema: SettingsSchema) -> String? {
        var text = ""
        for (part, isSetting) in parts(of: template) {
            guard isSetting else {
                text += part
                continue
            }
            guard let value = settings.values[part] ?? schema[part]?.defaultValue, !value.isNull else { return nil }
            text += value.stringValue ?? value.canonicalText
        }
        return text
    }

    /// A plug-in gets what finds programs and tells the language, and nothing of the worker's own.
    static var environment: [String: String] {
        let own = ProcessInfo.processInfo.environment
        // Python would write into the plug-ins' folder.
        return ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH"].reduce(into: ["PYTHONDONTWRITEBYTECODE": "1"]) {
            $0[$1] = own[$1]
        }
    }

    /// Plain text and, in braces, settings.
    static func parts(of template: String) -> [(text: String, isSetting: Bool)] {
        template.split(separator: "{", omittingEmptySubsequences: false).enumerated().flatMap { number, piece -> [(String, Bool)] in
            guard number > 0, let end = piece.firstIndex(of: "}") else { return [((number > 0 ? "{" : "") + piece, false)] }
            return [(String(piece[..<end]), true), (String(piece[piece.index(after: end)...]), false)]
        }.filter { !$0.0.isEmpty }
    }
}

/// The secrets among settings: references until the plug-in is started.
struct PluginSecrets {
    let schema: SettingsSchema
    let values: [String: JSONValue]
    let resolver: any SecretResolver

    /// The settings, each secret as its value. Goes to the plug-in's standard input and nowhere else.
    func revealed() throws -> [String: JSONValue] {
        var revealed = values
        for (name, secret) in try resolved() { revealed[name] = .string(secret.revealText()) }
        return revealed
    }

    /// What must be in no log.
    func texts() throws -> [String] { try resolved().map { $0.value.revealText() } }

    private func resolved() throws -> [String: Secret] {
        var found: [String: Secret] = [:]
        for field in schema.fields where field.type == .secret {
            guard let value = values[field.name], let reference = SecretReference(json: value) else { continue }
            found[field.name] = try resolver.resolve(reference)
        }
        return found
    }
}
