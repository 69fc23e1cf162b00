import StepKit
import Threads

extension GuestSystem: Inventorying {
    /// A holding for each key of which there is a clone, a definition or a mark beside the disks. Those of other guests that share the folder are
    /// among them where their disks have the same names.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        let images = disks.flatMap { [".\($0.name).image.partial", ".\($0.name).image"] }
        let folders = Set(disks.map(\.folder)).sorted().map { HoldingFolder(path: $0, suffixes: [".guest", ".definition"] + images) }
        let found = try await BlockingPool(label: "inventory", width: 1).run { try folders.flatMap { try $0.holdings(of: .snapshot) } }
        let byKey = Dictionary(grouping: found, by: \.key)
        return byKey.values.compactMap { $0.min { $0.name < $1.name } }
    }
}
