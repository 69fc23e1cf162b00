import Basics
import HostKit
import Logging
import Threads

/// Looks after a private cluster's reserve while a command uses the cluster: gives it up when the disk is full, has it made anew, and says so.
final class ReserveWatch: Sendable {
    private let reserve: ClusterReserve
    private let log: Logger
    private let threads = BlockingPool(label: "reserve", width: 1)

    init(_ folder: ClusterFolder, log: Logger) {
        reserve = ClusterReserve(folder: folder)
        self.log = log
    }

    /// Gives it up where there is too little room. Needs no lock, and no byte.
    func look() async { if await call({ $0.isNeeded }) { await giveUp() } }

    /// The server could not start for lack of room, whatever the disk says (a quota). False when there was nothing to give.
    @discardableResult
    func giveUp() async -> Bool {
        guard await call({ $0.giveUp() }) else { return false }
        log.error("\(reserve.givenUp)")
        return true
    }

    /// Under the control lock.
    func take() async { await call { $0.take() } }

    /// Makes it anew, where that is possible and nobody controls the server just now.
    func renew() async {
        guard await call({ !$0.isHeld && ($0.room?.free ?? 0) >= ClusterReserve.size + ClusterReserve.margin }),
            let control = try? FileLock.attempt(reserve.folder.controlLock, .exclusive)
        else { return }
        if await call({ $0.take() }) { log.notice("\(reserve.takenAgain)") }
        withExtendedLifetime(control) {}
    }

    @discardableResult
    private func call(_ work: @escaping @Sendable (ClusterReserve) -> Bool) async -> Bool {
        (try? await threads.run { [reserve] in work(reserve) }) ?? false
    }
}
