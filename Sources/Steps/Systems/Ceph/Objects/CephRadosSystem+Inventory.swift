import StepKit
import StorageKit

extension CephRadosSystem: Inventorying {
    /// The pool's snapshots by their names.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        try await blocking {
            try connect().snapshotNames().sorted().compactMap { snapshot in
                Holding.key(in: snapshot, after: name("")).map { Holding(kind: .snapshot, key: $0, name: "\(pool)@\(snapshot)") }
            }
        }
    }
}
