#if Ceph
    import Foundation
    import StorageKit
    import Synchronization

    /// The cluster that was asked last, kept for a while: the calls of a step, the steps of a job and a worker's jobs come one after the other, and each
    /// connection costs threads and two rounds with a monitor. What failed is tried again by another process (`IdleProcesses`), with a connection of its own.
    final class CephConnections: Sendable {
        private struct Kept {
            var settings: CephCluster.Settings
            var cluster: CephCluster
            var madeAt: ContinuousClock.Instant
        }

        private let last = Mutex<Kept?>(nil)

        /// Seconds, used or not: what has changed in its configuration since does not last longer.
        private static let patience = 60.0

        /// Blocks.
        func cluster(_ settings: CephCluster.Settings) throws(StorageError) -> CephCluster {
            let kept = last.withLock { $0 }
            if let kept, kept.settings == settings, .now - kept.madeAt < .seconds(Self.patience) { return kept.cluster }
            let made = try CephCluster(settings)
            last.withLock { $0 = Kept(settings: settings, cluster: made, madeAt: .now) }
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [weak self, weak made] in
                // Its end blocks: not under the lock.
                let old = self?.last.withLock { kept -> Kept? in
                    guard let current = kept, current.cluster === made else { return nil }
                    kept = nil
                    return current
                }
                withExtendedLifetime(old) {}
            }
            return made
        }
    }
#endif
