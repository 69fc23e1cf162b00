import Basics
import Foundation
import Synchronization

/// Processes of this binary that nobody uses for a moment: the next step of a job, and the next job of a worker, find one with its libraries loaded and its
/// connection made, which took a tenth of a second. One of which a call has failed is not kept: what is tried again begins with nothing of it.
/// Each is used by one session at a time, so that what crashes or hangs takes nobody else with it.
final class IdleProcesses: Sendable {
    private let parked = Mutex<[PluginProcess]>([])

    /// Seconds after which an unused one ends: schedules name minutes.
    private let patience: Double
    private static let most = 4

    init(patience: Double = 60) { self.patience = patience }

    var count: Int { parked.withLock { $0.count } }

    func take(_ program: PluginProgram) -> PluginProcess? {
        parked.withLock { parked in
            parked.removeAll { !$0.isAlive || $0.hasFailed }
            return parked.firstIndex { $0.program == program }.map { parked.remove(at: $0) }
        }
    }

    /// Starts one for a session to come, and calls `prepare` there. A session that comes before the answer has it all the same: its own calls go beside that one.
    func prepare(_ program: PluginProgram, _ arguments: JSONValue) {
        let isThere = parked.withLock { $0.contains { $0.program == program && $0.isAlive } }
        guard !isThere, let process = try? PluginProcess(program, log: { _ in }) else { return }
        park(process)
        DispatchQueue.global().async { [weak self] in
            _ = try? process.call("prepare", arguments)
            self?.endUnused(process)
        }
    }

    func park(_ process: PluginProcess) {
        guard process.isIdle, !process.hasFailed else { return }
        process.hear { _ in }
        parked.withLock { parked in
            parked.append(process)
            if parked.count > Self.most { parked.removeFirst() }
        }
        endUnused(process)
    }

    /// After its patience from now, where no call has been made since.
    private func endUnused(_ process: PluginProcess) {
        DispatchQueue.global().asyncAfter(deadline: .now() + patience) { [weak self, weak process] in
            guard let self, let process else { return }
            // What is let go here ends outside of the lock.
            let ended = parked.withLock { parked in
                let ended = parked.filter { $0 === process && $0.idleSeconds >= self.patience }
                parked.removeAll { $0 === process && $0.idleSeconds >= self.patience }
                return ended
            }
            withExtendedLifetime(ended) {}
        }
    }
}
