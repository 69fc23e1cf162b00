import Foundation
import StorageKit
import Synchronization
import Threads

/// The cluster that was asked last, kept for a while: the calls of a step, the steps of a job and a worker's jobs come one after the other, and each
/// connection costs threads and two rounds with a monitor. What failed is tried again by another process (`IdleProcesses`), with a connection of its own.
final class CephConnections: Sendable {
    /// A connection that is made, or is being made.
    private final class Attempt: Sendable {
        let settings: CephCluster.Settings
        let madeAt = ContinuousClock.now
        let cluster = SharedResult<CephCluster, StorageError>()

        init(_ settings: CephCluster.Settings) { self.settings = settings }
    }

    private let last = Mutex<Attempt?>(nil)

    /// Seconds, used or not: what has changed in its configuration since does not last longer.
    private static let patience = 60.0

    /// Blocks. Who asks while it is being made waits for it, and shares its error: librados waits long for monitors that are away, and nobody should twice.
    func cluster(_ settings: CephCluster.Settings) throws(StorageError) -> CephCluster {
        let (attempt, isOurs, former) = last.withLock { last -> (Attempt, Bool, Attempt?) in
            if let last, last.settings == settings, .now - last.madeAt < .seconds(Self.patience) { return (last, false, nil) }
            let (attempt, former) = (Attempt(settings), last)
            last = attempt
            return (attempt, true, former)
        }
        // A connection's end blocks: nobody is to wait for it, under the lock or behind it.
        if former != nil { DispatchQueue.global().async { withExtendedLifetime(former) {} } }
        guard isOurs else { return try attempt.cluster.wait() }
        let made = attempt.cluster.make { () throws(StorageError) in
            // Images are asked through it.
            try CephLibrary.rbd.load()
            return try CephCluster(settings)
        }
        guard case .success = made else {
            forget(attempt)
            return try made.get()
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { [weak self, weak attempt] in
            if let attempt { self?.forget(attempt) }
        }
        return try made.get()
    }

    /// A connection's end blocks: not under the lock.
    private func forget(_ attempt: Attempt) {
        let old = last.withLock { last -> Attempt? in
            guard last === attempt else { return nil }
            last = nil
            return attempt
        }
        withExtendedLifetime(old) {}
    }
}
