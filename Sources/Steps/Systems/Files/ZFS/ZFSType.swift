import Basics
import StepKit

/// The `zfs` system type: a ZFS file system (dataset), read from snapshots.
struct ZFSType: SystemType {
    let name = "zfs"
    let summary = "A ZFS file system on a worker's host, copied from an instant snapshot"
    let schema = SettingsSchema([dataset.field] + SelectionSettings.fields + [nested.field, cloneFolder.field])
    let scope = AcquisitionScope.host
    let needs = [MachineNeed.program("zfs", package: "zfsutils-linux")]

    static let dataset = Setting<String>.required("dataset", "The file system as `zfs list` names it: `tank/home`")
    static let nested = Setting<String>(
        "nested", "How to treat datasets mounted below, which a snapshot does not contain: they count as missed, or are left out",
        default: "missed", type: .choice(["missed", "skip"]))
    static let cloneFolder = Setting<String>(
        "cloneFolder", "Where clones of snapshots are mounted, if this ZFS shows no `.zfs/snapshot`", default: "/run/snappy-flow/zfs",
        type: .path)

    func identity(_ settings: Settings) throws(StepError) -> String { "zfs:" + (try settings.value(Self.dataset)) }

    func problems(in settings: Settings) -> [SettingProblem] {
        var problems = SelectionSettings(settings).problems(root: "/")
        let name = SettingProblem(Self.dataset.name) {
            let dataset = try settings.value(Self.dataset)
            if !dataset.contains("${") { try Dataset.validate(dataset, origin: settings.origin) }
        }
        if let name { problems.append(name) }
        return problems
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> ZFSSystem {
        let dataset = try settings.value(Self.dataset)
        try Dataset.validate(dataset, origin: settings.origin)
        return ZFSSystem(
            dataset: Dataset(name: dataset, origin: settings.origin), selection: SelectionSettings(settings),
            missesNested: try settings.value(Self.nested) == "missed", cloneFolder: try settings.value(Self.cloneFolder))
    }
}
