import Basics
import FlowModel
import StepKit

/// Reads `needs` of a manifest: what must be on a machine before the plug-in can work there.
struct ManifestNeeds {
    /// The program's path, for errors.
    let place: String

    /// `[{program: qemu-img, package: qemu-utils}, {fileSystem: [ceph, fuse], for: [treeSource]}]`
    func read(_ json: JSONValue?) throws(StepError) -> [MachineNeed] {
        guard let json, !json.isNull else { return [] }
        guard let declared = json.arrayValue else { throw error("`needs`, a list", json) }
        var needs: [MachineNeed] = []
        for entry in declared { needs.append(try need(entry)) }
        return needs
    }

    private func need(_ json: JSONValue) throws(StepError) -> MachineNeed {
        guard let kind = kind(json) else {
            throw error("each of `needs` with one of `library`, `program`, `fileSystem` and `administration: true`", json)
        }
        var need = MachineNeed.program("", package: json["package"]?.stringValue)
        need.kind = kind
        guard let uses = json["for"] else { return need }
        let words = uses.arrayValue ?? []
        let capabilities = words.compactMap { $0.stringValue.flatMap(Capability.init(rawValue:)) }
        guard !capabilities.isEmpty, capabilities.count == words.count else { throw error("`for`, a list of capabilities", uses) }
        return need.only(for: Set(capabilities))
    }

    private func kind(_ json: JSONValue) -> MachineNeed.Kind? {
        if let name = json["library"]?.stringValue, !name.isEmpty { return .library(name) }
        if let name = json["program"]?.stringValue, !name.isEmpty { return .program(name) }
        if json["administration"]?.boolValue == true { return .administration }
        let names = json["fileSystem"].map { $0.arrayValue ?? [$0] }?.compactMap(\.stringValue).filter { !$0.isEmpty } ?? []
        return names.isEmpty ? nil : .fileSystem(names)
    }

    private func error(_ expected: String, _ found: JSONValue) -> StepError {
        StepError(
            .pluginInvalid, expected: "in its manifest \(expected)", found: found.canonicalText, at: place,
            advice: "correct the plug-in: see docs/plug-ins.md")
    }
}
