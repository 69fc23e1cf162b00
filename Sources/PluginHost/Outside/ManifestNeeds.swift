import Basics
import FlowModel
import StepKit

/// `needs` of a manifest: what must be on a machine before the plug-in can work there.
struct ManifestNeeds: Sendable {
    /// One of them, and the setting that names the folder of its program.
    private struct Entry: Sendable {
        var need: MachineNeed
        var folder: String?
    }
    private var entries: [Entry] = []

    /// `[{program: qemu-img, package: qemu-utils}, {fileSystem: [ceph, fuse], for: [treeSource]}, {program: rbd, in: programs}]`
    init(_ json: JSONValue?, _ schema: SettingsSchema, _ reader: ManifestReader) throws(StepError) {
        guard let json, !json.isNull else { return }
        guard let declared = json.arrayValue else { throw reader.error("`needs`, a list", json.canonicalText) }
        for entry in declared { entries.append(try Self.entry(entry, schema, reader)) }
    }

    /// Whatever the settings say.
    var all: [MachineNeed] { entries.map(\.need) }

    /// Where the settings say where a program lies, it has to be there.
    func all(with settings: Settings) -> [MachineNeed] {
        entries.map { entry in
            guard let folder = entry.folder.flatMap({ settings.values[$0]?.stringValue }), case .program(let name) = entry.need.kind else {
                return entry.need
            }
            var need = entry.need
            need.kind = .program("\(folder)/\(name)")
            return need
        }
    }

    private static func entry(_ json: JSONValue, _ schema: SettingsSchema, _ reader: ManifestReader) throws(StepError) -> Entry {
        guard let kind = kind(json) else {
            throw reader.error(
                "each of `needs` with one of `library`, `program`, `fileSystem` and `administration: true`", json.canonicalText)
        }
        var need = MachineNeed.program("", package: json["package"]?.stringValue)
        need.kind = kind
        if let uses = json["for"] {
            let words = uses.arrayValue ?? []
            let capabilities = words.compactMap { $0.stringValue.flatMap(Capability.init(rawValue:)) }
            guard !capabilities.isEmpty, capabilities.count == words.count else {
                throw reader.error("`for`, a list of capabilities", uses.canonicalText)
            }
            need = need.only(for: Set(capabilities))
        }
        guard let folder = json["in"] else { return Entry(need: need) }
        guard let name = folder.stringValue, schema[name]?.type == .path, json["program"] != nil else {
            throw reader.error("`in` of a program: the name of a setting of type path", folder.canonicalText)
        }
        return Entry(need: need, folder: name)
    }

    private static func kind(_ json: JSONValue) -> MachineNeed.Kind? {
        if let name = json["library"]?.stringValue, !name.isEmpty { return .library(name) }
        if let name = json["program"]?.stringValue, !name.isEmpty { return .program(name) }
        if json["administration"]?.boolValue == true { return .administration }
        let names = json["fileSystem"].map { $0.arrayValue ?? [$0] }?.compactMap(\.stringValue).filter { !$0.isEmpty } ?? []
        return names.isEmpty ? nil : .fileSystem(names)
    }
}
