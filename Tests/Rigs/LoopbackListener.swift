import Foundation
import Glibc
import Synchronization

/// A port of loopback on which connections are taken, each served by a thread of its own.
final class LoopbackListener: Sendable {
    let port: UInt16
    private let listener: Int32
    private let isStopped = Atomic(false)

    /// Listens; nobody is served before `serve`.
    init() throws {
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
    }

    /// Hands each connection to `body`, with its number from 0 on, and closes it afterwards. Called once.
    func serve(_ body: @escaping @Sendable (_ connection: Int32, _ number: Int) -> Void) {
        // The threads don't keep the listener: its owner's end is what stops them.
        let listener = listener
        Thread {
            defer { close(listener) }
            var number = 0
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                let mine = number
                number += 1
                Thread {
                    defer { close(connection) }
                    body(connection, mine)
                }.start()
            }
        }.start()
    }

    /// Nobody listens afterwards.
    func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        // The accepting thread closes it: a number closed here could be another rig's listener when that thread uses it next.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    deinit { stop() }

    static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// True when all of it went out.
    static func send(_ bytes: ArraySlice<UInt8>, to connection: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }
}
