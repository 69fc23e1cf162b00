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
        "nested", "How to treat subvolumes below, which a snapshot does not contain: they count as missed, or are left out",
        default: "missed", type: .choice(["missed", "skip"]))
    static let snapshotFolder = Setting<String>(
        "snapshotFolder", "Where snapshots are kept, on the same btrfs; by default `.snappy-flow-snapshots` in the subvolume", type: .path)

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
