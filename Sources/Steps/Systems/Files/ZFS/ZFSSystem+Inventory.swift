import StepKit

extension ZFSSystem: Inventorying {
    /// The snapshots of the dataset itself. A clone of one goes with it.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        let prefix = dataset.name + "@snappy-flow-"
        let lines = try await dataset.zfs(["list", "-H", "-r", "-t", "snapshot", "-o", "name", dataset.name], context)
        return lines.compactMap { line -> Holding? in
            guard let name = line.first, let key = Holding.key(in: name, after: prefix) else { return nil }
            return Holding(kind: .snapshot, key: key, name: name)
        }
    }
}
