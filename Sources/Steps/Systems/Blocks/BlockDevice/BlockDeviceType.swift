import FlowModel
import Basics
import StepKit

/// The `blockdevice` system type: a disk, a partition, a logical volume, or a file that holds the image of one.
struct BlockDeviceType: SystemType {
    let name = "blockdevice"
    let summary = "A block device, or an image file, on a worker's host"
    let schema = SettingsSchema([path.field, staging.field, snapshotFolder.field])
    let scope = AcquisitionScope.host
    /// The file system within.
    let attachedViews: Set<SystemView> = [.tree]

    static let path = Setting<String>.required("path", "The device (/dev/...) or the image file", type: .path)
    static let staging = Setting<ByteCount>(
        "staging", "Maximum that a snapshot of an image file may copy if the file can't be cloned; counts against maxHold")
    static let snapshotFolder = Setting<String>(
        "snapshotFolder", "Where snapshots of an image file are kept, on its file system; by default `.snappy-flow-snapshots` beside it",
        type: .path)

    func identity(_ settings: Settings) throws(StepError) -> String { "blockdevice:" + (try settings.value(Self.path)) }

    func snapshotCost(_ settings: Settings) throws(StepError) -> SnapshotCost {
        if let bound = try settings.optional(Self.staging) { return .bounded(bound) }
        return .instant
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> BlockDeviceSystem {
        BlockDeviceSystem(
            path: try settings.value(Self.path), staging: try settings.optional(Self.staging),
            snapshotFolder: try settings.optional(Self.snapshotFolder))
    }
}
