import Basics
import StepKit

/// The `btrfs` system type: a subvolume, read from read-only snapshots.
struct BtrfsType: SystemType {
    let name = "btrfs"
    let summary = "A btrfs subvolume on a worker's host, copied from an instant snapshot"
    let schema = SettingsSchema(
        [path.field] + SelectionSettings.fields + [DirectoryType.oneFileSystem.field, nested.field, snapshotFolder.field])
    let scope = AcquisitionScope.host
    let needs = [MachineNeed.fileSystem("btrfs")]

    static let path = Setting<String>.required("path", "The subvolume", type: .path)
    static let nested = Setting<String>(
        "nested", "What becomes of subvolumes below, which a snapshot does not hold: they count as missed, or are left out",
        default: "missed", type: .choice(["missed", "skip"]))
    static let snapshotFolder = Setting<String>(
        "snapshotFolder", "Where snapshots lie, on the same btrfs; `.snappy-flow-snapshots` in the subvolume by default", type: .path)

    func identity(_ settings: Settings) throws(StepError) -> String { "btrfs:" + DirectoryType.normalised(try settings.value(Self.path)) }

    func problems(in settings: Settings) -> [SettingProblem] {
        guard let path = try? settings.value(Self.path), !path.contains("${") else { return [] }
        return SelectionSettings(settings).problems(root: path)
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> BtrfsSystem {
        BtrfsSystem(
            files: try await DirectoryType().open(settings, context), missesNested: try settings.value(Self.nested) == "missed",
            snapshotFolder: try settings.optional(Self.snapshotFolder))
    }
}
