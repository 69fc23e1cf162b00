import Basics
import FlowModel
import StepKit

/// The `guest` system type: disks that belong together, and the files that define what they belong to. All of a copy is of one instant.
struct GuestType: SystemType {
    let name = "guest"
    let summary = "The disks of a guest (image files), with the files that define it, all of one instant"
    let schema = SettingsSchema([disks.field, definition.field])
    let scope = AcquisitionScope.host

    static let disks = Setting<[String: String]>.required(
        "disks", "The image files by the disks' names (`vda`), on file systems that can clone files", type: .map(.path))
    static let definition = Setting<[String]>(
        "definition", "Files that define the guest, copied as the tree `definition`, each by its own name", default: [],
        type: .list(.path))

    /// The part that holds them.
    static let definitionName = "definition"

    func identity(_ settings: Settings) throws(StepError) -> String {
        "guest:" + (try settings.value(Self.disks).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
    }

    func parts(_ settings: Settings) -> [String: SystemView] {
        var parts = (settings.values[Self.disks.name]?.objectValue ?? [:]).mapValues { _ in SystemView.image }
        if !(settings.values[Self.definition.name]?.arrayValue ?? []).isEmpty { parts[Self.definitionName] = .tree }
        return parts
    }

    func problems(in settings: Settings) -> [SettingProblem] {
        let disks = SettingProblem(Self.disks.name) { _ = try Self.disks(settings) }
        let definition = SettingProblem(Self.definition.name) { _ = try Self.definition(settings) }
        return [disks, definition].compactMap { $0 }
    }

    /// By name, in their order.
    private static func disks(_ settings: Settings) throws(StepError) -> [GuestDisk] {
        let declared = try settings.value(disks)
        for name in declared.keys.sorted() {
            let isPlain = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") } && 1...32 ~= name.utf8.count
            guard isPlain, name != definitionName else {
                throw StepError(
                    .invalidSetting, expected: "names of disks of letters, digits and -, at most 32, and none called \(definitionName)",
                    found: name, at: settings.origin)
            }
        }
        guard !declared.isEmpty, Set(declared.values).count == declared.count else {
            throw StepError(
                .invalidSetting, expected: "at least one disk, each a file of its own", found: declared.isEmpty ? "none" : "one file twice",
                at: settings.origin)
        }
        return declared.sorted { $0.key < $1.key }.map { GuestDisk(name: $0.key, path: $0.value) }
    }

    /// By the name that each has in the tree.
    private static func definition(_ settings: Settings) throws(StepError) -> [String: String] {
        var files: [String: String] = [:]
        for path in try settings.value(definition) {
            guard let name = path.pathParts.last, files.updateValue(path, forKey: name) == nil else {
                throw StepError(
                    .invalidSetting, expected: "files of different names", found: path, at: settings.origin,
                    advice: "they lie beside each other in the copy: give one of them another name")
            }
        }
        return files
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> GuestSystem {
        let identity = if let declared = context.declaredIdentity { declared } else { try identity(settings) }
        let own = identity.hasPrefix("guest:") ? String(identity.dropFirst("guest:".count)) : identity
        return GuestSystem(disks: try Self.disks(settings), definition: try Self.definition(settings), identity: own)
    }
}
