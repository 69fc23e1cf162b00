import Foundation
import Glibc

/// A connection to a port of loopback on which a test says what it likes.
final class RawConnection: @unchecked Sendable {  // used by one test
    private let socket: Int32
    private var isOpen = true

    struct Refused: Error {}

    /// `source`: the end of an address of loopback, to come from. `receiveBuffer`: bytes; the system's choice else.
    init(port: Int, from source: (UInt8, UInt8)? = nil, receiveBuffer: Int32? = nil) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        func at<Result>(_ third: UInt8, _ fourth: UInt8, port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
            let family = withUnsafeBytes(of: sa_family_t(AF_INET)) { Array($0) }
            let address = family + [UInt8(port >> 8), UInt8(port & 0xFF), 127, 0, third, fourth] + [UInt8](repeating: 0, count: 8)
            return address.withUnsafeBytes { bytes in
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress.map { body($0, socklen_t(bytes.count)) }
            }
        }
        if var receiveBuffer { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size)) }
        if let source { _ = at(source.0, source.1, port: 0) { bind(socket, $0, $1) } }
        let connected = at(0, 1, port: port) { connect(socket, $0, $1) } ?? -1
        // A server that never answers fails the test instead of holding it.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connected == 0 else {
            Glibc.close(socket)
            isOpen = false
            throw Refused()
        }
    }

    deinit { close() }

    func close() {
        if isOpen { Glibc.close(socket) }
        isOpen = false
    }

    /// False when the other side is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Says that nothing more will be sent, and goes on reading.
    func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// What comes until the other side closes; nil when it does not within a minute.
    func readToEnd() -> String? {
        var all: [UInt8] = []
        while let part = receive() {
            if part.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += part
        }
        return nil
    }

    /// The next that comes; empty at the end.
    func receive() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count < 0 { return errno == ECONNRESET ? [] : nil }
        return Array(buffer[..<count])
    }

    /// Sends a whole request with `Connection: close` and returns the whole answer.
    static func ask(_ port: Int, _ method: String, _ target: String, _ headers: [String] = [], body: [UInt8] = []) throws -> String {
        let connection = try RawConnection(port: port)
        connection.send(
            (["\(method) \(target) HTTP/1.1", "Host: x", "Connection: close", "Content-Length: \(body.count)"] + headers)
                .joined(separator: "\r\n") + "\r\n\r\n")
        connection.send(body)
        return connection.readToEnd() ?? "no answer"
    }
}
