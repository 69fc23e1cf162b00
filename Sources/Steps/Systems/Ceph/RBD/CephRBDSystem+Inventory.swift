import StepKit
import StorageKit

extension CephRBDSystem: Inventorying {
    /// Snapshots by their names. Clones, protection and groups go with them.
    func inventory(_ context: SystemContext) async throws -> [Holding] {
        try await blocking {
            let image = try RBDImage(image, in: openPool(), .readOnly)
            return try image.snapshots().keys.sorted().compactMap { snapshot in
                Holding.key(in: snapshot, after: name("")).map { Holding(kind: .snapshot, key: $0, name: "\(image.location)@\(snapshot)") }
            }
        }
    }
}
