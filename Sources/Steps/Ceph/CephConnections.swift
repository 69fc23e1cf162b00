#if Ceph
    import Foundation
    import StorageKit
    import Synchronization

    /// The cluster that was asked last, kept for a moment: the calls of a step, and the steps of a job, come one after the other, and each connection
    /// costs threads and two rounds with a monitor.
    final class CephConnections: Sendable {
        private struct Kept {
            var settings: CephCluster.Settings
            var cluster: CephCluster
            var madeAt: ContinuousClock.Instant
        }

        private let last = Mutex<Kept?>(nil)

        /// Seconds, used or not: what is wrong with a connection, or has changed in its configuration since, does not last.
        private static let patience = 10.0

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
