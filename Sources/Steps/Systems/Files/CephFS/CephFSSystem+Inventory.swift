import StepKit
import Threads

extension CephFSSystem: Inventorying {
    /// Those of this folder; what a folder above holds is shown under other names.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        let folder = HoldingFolder(path: "\(files.path)/\(snapshotFolder)", prefix: "snappy-flow-")
        return try await BlockingPool(label: "inventory", width: 1).run { try folder.holdings(of: .snapshot) }
    }
}
