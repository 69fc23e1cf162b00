import ServerKit
import Logging
import NIOCore

/// Who is let in before he has said who he is.
extension Service {
    /// False when it is one connection too many of its address.
    func admit(_ channel: any Channel) -> Bool {
        switch connections.admit(channel, from: ClientAddress(channel.remoteAddress)) {
        case .admitted: return true
        case .crowded(let address, let isNews):
            metrics.refused(.crowded)
            if isNews {
                log.warning(
                    "crowded: it has \(settings.connectionsPerAddress) connections without a user (--connections-per-address)",
                    metadata: ["client": "\(address)"])
            }
            return false
        }
    }

    /// One more wants to come in than may be open.
    func makeRoom() {
        if connections.makeRoom() { metrics.refused(.crowded) }
    }

    /// A request's head was not whole in time.
    func isLate(_ channel: any Channel) {
        metrics.refused(.late)
        log.info(
            "late: no whole request within \(settings.headTime)", metadata: ["client": "\(channel.remoteAddress?.ipAddress ?? "-")"])
    }
}
