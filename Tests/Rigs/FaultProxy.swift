import Foundation
import Glibc
import Synchronization

/// A TCP proxy on loopback between us and a server, which does to each connection what a test says.
public final class FaultProxy: Sendable {
    public enum Fault: Sendable {
        case none
        /// Closes both sides after so many bytes of ours.
        case cutUp(Int)
        /// Closes both sides after so many bytes of the server's.
        case cutDown(Int)
        /// Answers the first request itself, with this text, and closes; the server hears nothing.
        case answer(String)
        /// Hands on the server's answer in pieces of so many bytes, a millisecond apart.
        case drip(Int)
        /// Takes what comes and never answers.
        case silence
    }

    public let port: UInt16
    public var url: String { "http://127.0.0.1:\(port)" }
    private let listener: Int32
    private let isStopped = Atomic(false)
    private let count = Atomic(0)

    /// Connections so far.
    public var connections: Int { count.load(ordering: .relaxed) }

    /// `to`: the server's port. `plan` is asked with the connection's number, from 0 on.
    public init(to server: UInt16, _ plan: @escaping @Sendable (Int) -> Fault) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let failed = withUnsafeMutableBytes(of: &address) { bytes in
            guard let start = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return true }
            return bind(listener, start, length) != 0 || listen(listener, 64) != 0 || getsockname(listener, start, &length) != 0
        }
        guard !failed else { throw ResticRig.Failure(description: "no loopback port: \(String(cString: strerror(errno)))") }
        port = UInt16(bigEndian: address.sin_port)
        // The thread must not keep the proxy: its end is what stops the thread.
        let accepted: @Sendable () -> Int = { [weak self] in self?.count.add(1, ordering: .relaxed).oldValue ?? 0 }
        Thread {
            defer { close(listener) }
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                let fault = plan(accepted())
                Thread { Self.serve(client, server, fault) }.start()
            }
        }.start()
    }

    public func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    deinit { stop() }

    // MARK: one connection

    private static func serve(_ client: Int32, _ port: UInt16, _ fault: Fault) {
        defer { close(client) }
        switch fault {
        case .answer(let text):
            var buffer = [UInt8](repeating: 0, count: 65536)
            _ = recv(client, &buffer, buffer.count, 0)
            _ = send(Array(text.utf8)[...], client)
            // What the client still sends is read, so that it sees the answer and no reset.
            shutdown(client, Int32(SHUT_WR))
            while recv(client, &buffer, buffer.count, 0) > 0 {}
            return
        case .silence:
            var buffer = [UInt8](repeating: 0, count: 65536)
            while recv(client, &buffer, buffer.count, 0) > 0 {}
            return
        default: break
        }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(server) }
        var address = Self.address(port)
        let connected = withUnsafeBytes(of: &address) { bytes in
            bytes.assumingMemoryBound(to: sockaddr.self).baseAddress.map { connect(server, $0, socklen_t(bytes.count)) == 0 } ?? false
        }
        guard connected else { return }
        var up = Int.max
        var down = Int.max
        var piece = 65536
        switch fault {
        case .cutUp(let bytes): up = bytes
        case .cutDown(let bytes): down = bytes
        case .drip(let bytes): piece = bytes
        default: break
        }
        let limit = up
        let upwards = Thread { pump(client, server, limit: limit, piece: 65536, pause: 0) }
        let ended = DispatchSemaphore(value: 0)
        let (source, target) = (server, client)
        let (downLimit, downPiece) = (down, piece)
        Thread {
            pump(source, target, limit: downLimit, piece: downPiece, pause: downPiece < 65536 ? 1000 : 0)
            ended.signal()
        }.start()
        upwards.start()
        ended.wait()
        while !upwards.isFinished { usleep(500) }
    }

    /// Hands on until the end or the limit, and closes both for both.
    private static func pump(_ from: Int32, _ to: Int32, limit: Int, piece: Int, pause: UInt32) {
        var buffer = [UInt8](repeating: 0, count: piece)
        var done = 0
        while done < limit {
            let got = recv(from, &buffer, min(piece, limit - done), 0)
            guard got > 0, send(buffer[..<got], to) else { break }
            done += got
            if pause > 0 { usleep(pause) }
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }

    private static func send(_ bytes: ArraySlice<UInt8>, _ socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
