import Foundation
import Glibc
import Synchronization

/// A TCP port on loopback that leads to a server's Unix socket and can fall silent: then everything that comes is taken, and nothing handed on. A
/// connection that has met the silence stays silent, as one whose state a firewall has lost; new ones lead to the server again once it has healed.
final class SilentWay: Sendable {
    let port: UInt16
    private let listener: Int32
    private let state: Mode

    private final class Mode: Sendable {
        let isSilent = Atomic(false)
        /// The silence is for connections that are made in it, not for those that stand.
        let sparesOld = Atomic(false)
    }

    init(to socketPath: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
        self.listener = listener
        let state = Mode()
        self.state = state
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                Thread.detachNewThread { Self.serve(client, socketPath, state) }
            }
            close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    func fallSilent(sparingOld: Bool = false) {
        state.sparesOld.store(sparingOld, ordering: .sequentiallyConsistent)
        state.isSilent.store(true, ordering: .sequentiallyConsistent)
    }

    func heal() { state.isSilent.store(false, ordering: .sequentiallyConsistent) }

    private static func serve(_ client: Int32, _ path: String, _ state: Mode) {
        defer { close(client) }
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(server) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected else { return }
        var hasMetSilence = state.isSilent.load(ordering: .sequentiallyConsistent)
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var ends = [pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: server, events: Int16(POLLIN), revents: 0)]
            guard poll(&ends, 2, -1) > 0 else { return }
            for (index, target) in [server, client].enumerated() where ends[index].revents != 0 {
                let count = recv(ends[index].fd, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                if state.isSilent.load(ordering: .sequentiallyConsistent), !state.sparesOld.load(ordering: .sequentiallyConsistent) {
                    hasMetSilence = true
                }
                guard !hasMetSilence else { continue }
                var sent = 0
                while sent < count {
                    let more = buffer[sent..<count].withUnsafeBytes { send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                    guard more > 0 else { return }
                    sent += more
                }
            }
        }
    }
}
