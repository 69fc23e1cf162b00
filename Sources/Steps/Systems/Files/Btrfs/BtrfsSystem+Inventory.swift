import StepKit
import StorageKit
import Threads

extension BtrfsSystem: Inventorying {
    /// Subvolumes alone: what else bears such a name is none of ours.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        let (folder, source) = (snapshotFolder ?? files.path + "/" + SnapshotFolder.name.description, files.path)
        return try await BlockingPool(label: "inventory", width: 1).run {
            try HoldingFolder(path: folder).holdings(of: .snapshot).filter {
                SubvolumeSnapshot(source: source, folder: folder, key: $0.key).isThere
            }
        }
    }
}
