import Foundation
import Glibc
import Synchronization

/// A small real HTTP/1.1 server on loopback, one thread a connection, answering what a test says.
public final class HTTPRig: Sendable {
    public struct Request: Sendable {
        /// `POST /hook HTTP/1.1`
        public var line: String
        /// Names in lower case.
        public var headers: [String: String]
        public var body: String
    }

    public var port: UInt16 { listener.port }
    private let listener: LoopbackListener
    private let inbox = Inbox()

    private final class Inbox: Sendable {
        let requests = Mutex<[Request]>([])
        let connections = Atomic(0)
    }

    /// How many there were.
    public var connections: Int { inbox.connections.load(ordering: .relaxed) }

    /// What came so far.
    public var requests: [Request] { inbox.requests.withLock { $0 } }
    public var url: String { "http://127.0.0.1:\(port)" }

    /// `answer` gives the whole answer, status line first; nil holds the connection open and silent until the client leaves. A connection is
    /// closed after `answers`.
    public init(answers: Int = 1, _ answer: @escaping @Sendable (Request) -> String?) throws {
        listener = try LoopbackListener()
        listener.serve { [inbox] connection, _ in
            inbox.connections.add(1, ordering: .relaxed)
            for _ in 0..<answers {
                guard let request = Self.read(connection) else { return }
                inbox.requests.withLock { $0.append(request) }
                guard let text = answer(request) else {
                    var byte: UInt8 = 0
                    while recv(connection, &byte, 1, 0) > 0 {}
                    return
                }
                guard LoopbackListener.send(Array(text.utf8)[...], to: connection) else { return }
            }
        }
    }

    /// Nobody listens afterwards.
    public func stop() { listener.stop() }

    /// An answer with its length.
    public static func answer(_ status: String, headers: [String] = [], _ body: String = "") -> String {
        (["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
            + body
    }

    private static func read(_ connection: Int32) -> Request? {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let head = text.firstRange(of: end) {
                let lines = String(decoding: text[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                }
                let wanted = head.upperBound + (headers["content-length"].flatMap { Int($0) } ?? 0)
                if text.count >= wanted {
                    return Request(line: lines[0], headers: headers, body: String(decoding: text[head.upperBound..<wanted], as: UTF8.self))
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            text += buffer[..<count]
        }
    }
}
