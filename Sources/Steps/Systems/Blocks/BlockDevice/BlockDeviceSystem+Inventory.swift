import StepKit
import Threads

extension BlockDeviceSystem: Inventorying {
    /// The clones in the folder of snapshots, those of other images that share it and those that are mounted among them. Mounts and loop devices are
    /// the host's (`HostHoldings`).
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        let folder = HoldingFolder(path: clone("").folder, suffixes: [".image.partial", ".image"])
        return try await BlockingPool(label: "inventory", width: 1).run { try folder.holdings(of: .snapshot) }
    }
}
