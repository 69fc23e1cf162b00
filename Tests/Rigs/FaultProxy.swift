import Foundation
import Glibc
import Synchronization
import Threads

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
        /// Hands on everything, but for the answers that it replaces: the server has done what it was asked.
        case answerAfter(Substitution)
        /// Hands on so many bytes of ours and, until we are gone, nothing more: `untilStalled` returns then.
        case stallUp(Int)
    }

    /// Another answer for the first `times` requests whose head holds `marker`; the connection ends with it.
    public final class Substitution: Sendable {
        let marker: [UInt8]
        let text: [UInt8]
        private let left: Mutex<Int>

        public init(of marker: String, by text: String, times: Int = 1) {
            self.marker = Array(marker.utf8)
            self.text = Array(text.utf8)
            left = Mutex(times)
        }

        /// False when it never was asked for.
        public var happened: Bool { left.withLock { $0 <= 0 } }

        func takes(_ bytes: ArraySlice<UInt8>) -> Bool {
            guard Data(bytes).range(of: Data(marker)) != nil else { return false }
            return left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
    }

    public var port: UInt16 { listener.port }
    public var url: String { "http://127.0.0.1:\(port)" }
    private let listener: LoopbackListener
    private let counter = Counter()

    private final class Counter: Sendable {
        let connections = Atomic(0)
        let stalled = DispatchSemaphore(value: 0)
    }

    /// Connections so far.
    public var connections: Int { counter.connections.load(ordering: .relaxed) }

    /// `to`: the server's port. `plan` is asked with the connection's number, from 0 on.
    public init(to server: UInt16, _ plan: @escaping @Sendable (Int) -> Fault) throws {
        listener = try LoopbackListener()
        listener.serve { [counter] client, number in
            counter.connections.add(1, ordering: .relaxed)
            Self.serve(client, server, plan(number), counter.stalled)
        }
    }

    public func stop() { listener.stop() }

    /// Waits until a connection stalls, for two minutes at most.
    public func untilStalled() async throws {
        let stalled = counter.stalled
        try await BlockingPool(label: "stalled", width: 1).run {
            guard stalled.wait(timeout: .now() + 120) == .success else {
                throw ResticRig.Failure(description: "no connection came so far as to stall")
            }
        }
    }

    // MARK: one connection

    private static func serve(_ client: Int32, _ port: UInt16, _ fault: Fault, _ stalled: DispatchSemaphore) {
        switch fault {
        case .answer(let text):
            var buffer = [UInt8](repeating: 0, count: 65536)
            _ = recv(client, &buffer, buffer.count, 0)
            _ = LoopbackListener.send(Array(text.utf8)[...], to: client)
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
        var address = LoopbackListener.address(port)
        let connected = withUnsafeBytes(of: &address) { bytes in
            bytes.assumingMemoryBound(to: sockaddr.self).baseAddress.map { connect(server, $0, socklen_t(bytes.count)) == 0 } ?? false
        }
        guard connected else { return }
        var up = Int.max
        var down = Int.max
        var piece = 65536
        var stalls = false
        switch fault {
        case .cutUp(let bytes): up = bytes
        case .stallUp(let bytes): (up, stalls) = (bytes, true)
        case .cutDown(let bytes): down = bytes
        case .drip(let bytes): piece = bytes
        default: break
        }
        let (limit, stall) = (up, stalls ? stalled : nil)
        let substitution: Substitution? = if case .answerAfter(let found) = fault { found } else { nil }
        let isReplaced = Flag()
        let ended = DispatchSemaphore(value: 0)
        let upwards = Thread {
            pump(client, server, limit: limit, piece: 65536, pause: 0, stall) { bytes in
                if let substitution, substitution.takes(bytes) { isReplaced.raised.store(true, ordering: .sequentiallyConsistent) }
                return nil
            }
            ended.signal()
        }
        let (source, target) = (server, client)
        let (downLimit, downPiece) = (down, piece)
        Thread {
            pump(source, target, limit: downLimit, piece: downPiece, pause: downPiece < 65536 ? 1000 : 0) { _ in
                isReplaced.raised.load(ordering: .sequentiallyConsistent) ? substitution?.text : nil
            }
            ended.signal()
        }.start()
        upwards.start()
        for _ in 0..<2 { ended.wait() }
    }

    private final class Flag: Sendable {
        let raised = Atomic(false)
    }

    /// Hands on until the end or the limit, and closes both for both. What `look` gives is sent instead, and is the last.
    private static func pump(
        _ from: Int32, _ to: Int32, limit: Int, piece: Int, pause: UInt32, _ stall: DispatchSemaphore? = nil,
        _ look: (ArraySlice<UInt8>) -> [UInt8]? = { _ in nil }
    ) {
        var buffer = [UInt8](repeating: 0, count: piece)
        var done = 0
        while done < limit {
            let got = recv(from, &buffer, min(piece, limit - done), 0)
            if got > 0, let instead = look(buffer[..<got]) {
                _ = LoopbackListener.send(instead[...], to: to)
                break
            }
            guard got > 0, LoopbackListener.send(buffer[..<got], to: to) else { break }
            done += got
            if pause > 0 { usleep(pause) }
        }
        if let stall, done >= limit {
            stall.signal()
            while recv(from, &buffer, piece, 0) > 0 {}
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }
}
