public import StepKit
import Threads

extension DirectorySystem: Inventorying {
    /// Of a folder that several systems share, those of all of them.
    public func inventory(_ context: SystemContext) async throws -> [Holding] {
        let folder = HoldingFolder(path: SnapshotFolder.staging(for: path, declared: stagingFolder), suffixes: [".partial", ""])
        return try await BlockingPool(label: "inventory", width: 1).run { try folder.holdings(of: .snapshot) }
    }
}
