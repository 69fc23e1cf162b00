/// Requests that hardly any client sends, of a fixed sequence.
struct Malformed {
    struct Request: CustomStringConvertible {
        /// As they are sent.
        var parts: [[UInt8]]
        /// Answers that it may get.
        var most: Int
        /// The connection is closed without reading.
        var isAbandoned: Bool

        var description: String { parts.map { String(decoding: $0.prefix(400), as: UTF8.self).debugDescription }.joined(separator: " | ") }
    }
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private static let login = "Authorization: Basic YW5uYTp0ZXN0"
    private static let methods = ["GET", "POST", "POST", "POST", "HEAD", "DELETE", "PUT", "OPTIONS", "CONNECT", "get", "G T", "", "\0"]
    private static let targets = [
        "/r/config", "/r/keys/", "/r/", "/", "/r/?create=true", "*", "", "/r/data/" + String(repeating: "0", count: 64),
        "http://x/r/config",
        "/\u{0}", "/a b", "/" + String(repeating: "a", count: 20_000), "/r/config#x", "/metrics",
    ]
    private static let versions = [
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.9", "http/1.1", "",
    ]
    private static let headers = [
        "Content-Length: 5", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: -1",
        "Content-Length: +5", "Content-Length: 5, 5", "Content-Length: 99999999999999999999", "Content-Length: 0x5", "Content-Length:",
        "Content-Length: 1000000000", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5", "Expect: 100-continue", "Expect: 417", "Connection: close",
        "Connection: keep-alive", "Connection: Upgrade\r\nUpgrade: h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket",
        "X: " + String(repeating: "x", count: 20_000), "X: a\0b", " folded", "X: a\r\n b", "no colon", ": nothing", "X: a\nY: b",
        "X: a\rY: b",
        "Range: bytes=0-", "Range: bytes=-", "Trailer: X", login, login, login,
    ]
    private static let bodies = [
        "", "", "hello", "hello", "hel", "5\r\nhello\r\n0\r\n\r\n", "ZZ\r\n", "5\r\nhel", "-1\r\n", "FFFFFFFFFFFFFFFFF\r\n",
        "5;x=\"\r\nhello\r\n",
        "0\r\nX: y\r\n\r\n", "0\r\n\r\n", "5\nhello\n0\n\n", "5\r\nhelloX", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\nGET /r/keys/ HTTP/1.1\r\nHost: x\r\n\(login)\r\n\r\n",
        "helloGET /r/keys/ HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE",
    ]

    private mutating func below(_ count: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % count
    }

    private mutating func one(of list: [String]) -> String { list[below(list.count)] }

    private mutating func text() -> String {
        let end = ["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r"][below(7)]
        var text = "\(one(of: Self.methods)) \(one(of: Self.targets)) \(one(of: Self.versions))\(end)"
        if below(8) > 0 { text += "Host: x" + end }
        for _ in 0..<below(4) { text += one(of: Self.headers) + end }
        if below(30) == 0 { for number in 0..<200 { text += "X-\(number): y\(end)" } }
        return text + end + one(of: Self.bodies)
    }

    mutating func next() -> Request {
        var bytes: [UInt8] = []
        switch below(12) {
        case 0: bytes = (0...below(400)).map { _ in UInt8(truncatingIfNeeded: below(256)) }
        // A TLS handshake's beginning.
        case 1: bytes = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3] + (0..<300).map { _ in UInt8(truncatingIfNeeded: below(256)) }
        case 2: for _ in 0...below(4) { bytes += Array(text().utf8) }
        default: bytes = Array(text().utf8)
        }
        if below(6) == 0 { bytes = Array(bytes[..<below(max(bytes.count, 1))]) }
        if bytes.isEmpty { bytes = [0] }
        var parts: [[UInt8]] = []
        while !bytes.isEmpty {
            let count = below(3) == 0 ? 1 + below(bytes.count) : bytes.count
            parts.append(Array(bytes[..<count]))
            bytes.removeFirst(count)
        }
        // One of a beginning, up to two of a body, up to five pipelined.
        return Request(parts: parts, most: 20, isAbandoned: below(10) == 0)
    }
}
