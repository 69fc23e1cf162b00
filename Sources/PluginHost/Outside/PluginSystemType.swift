public import Basics
import FlowModel
import Foundation
public import StepKit
import StorageKit

/// A system type whose plug-in is a program outside this binary.
public struct PluginSystemType<Instance: PluginSystem>: SystemType {
    let declaration: PluginManifest.SystemDeclaration
    /// The program's absolute path.
    public let path: String

    public var name: String { declaration.name }
    public var contractVersion: Int { declaration.contractVersion }
    public var summary: String { declaration.summary }
    public var schema: SettingsSchema { declaration.schema }
    public var scope: AcquisitionScope { declaration.scope }
    public var defaultMaxHold: TimeSpan { declaration.maxHold }
    public var capabilities: Set<Capability> { declaration.capabilities }
    public func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost { declaration.snapshotCost }
    public func settings(neededFor capability: Capability) -> [String] { declaration.neededSettings[capability] ?? [] }
    public var needs: [MachineNeed] { declaration.needs }
    public var isolation: Isolation { .child(because: .foreignProgram) { [timeout = declaration.timeout] _ in timeout } }

    public func identity(_ settings: Settings) throws(StepError) -> String {
        name + ":"
            + PluginSystemDeclaration.parts(of: declaration.identity).map { part, isSetting in
                guard isSetting else { return part }
                let value = settings.values[part] ?? schema[part]?.defaultValue ?? ""
                return value.stringValue ?? value.canonicalText
            }.joined()
    }

    public func open(_ settings: Settings, _ context: SystemContext) async throws -> Instance {
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
        return Instance(
            PluginLine(
                session: session, keepsBase: declaration.keepsBase, retires: declaration.retires, quiesceKind: declaration.quiesceKind,
                groupPlace: nil, opening: opening, isOurs: false),
            logicalPath: TreePath([FileName(name)] + TreePath(String(try identity(settings).dropFirst(name.count + 1))).parts))
    }
}

enum PluginSystemDeclaration {
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
