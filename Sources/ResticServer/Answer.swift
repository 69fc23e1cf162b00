import Basics
import Foundation
import NIOCore
import NIOHTTP1

/// What a request gets.
struct Answer: Sendable {
    enum Content: Sendable {
        /// Of HEAD: what GET would send, in bytes.
        case length(Int64)
        case text(String, type: String)
        case file(StoredFile, Range<Int64>)
        /// The objects of these folders, one after another.
        case list([String], isVersion2: Bool)
    }
    var status: HTTPResponseStatus = .ok
    var headers: [(name: String, value: String)] = []
    var content: Content = .text("", type: "text/plain; charset=utf-8")

    static let version1 = "application/vnd.x.restic.rest.v1"
    static let version2 = "application/vnd.x.restic.rest.v2"
    static let done = Answer()

    init(status: HTTPResponseStatus = .ok, _ content: Content = .text("", type: "text/plain; charset=utf-8")) {
        self.status = status
        self.content = content
    }

    init(_ refusal: Refusal) {
        self.init(status: refusal.status, .text(refusal.text + "\n", type: "text/plain; charset=utf-8"))
        switch refusal.detail {
        case .none: break
        case .allow(let methods): headers.append(("Allow", methods))
        case .range(let size): headers.append(("Content-Range", "bytes */\(size)"))
        case .retry(let seconds): headers.append(("Retry-After", "\(seconds)"))
        }
        if refusal.kind == .unauthenticated { headers.append(("WWW-Authenticate", "Basic realm=\"snappy-flow\", charset=\"UTF-8\"")) }
    }

    /// Whole, or the part that `range` names (RFC 9110, 14).
    init(_ file: StoredFile, range: String?) throws(Refusal) {
        switch ByteRange(range, size: file.size) {
        case .whole: self.init(.file(file, 0..<file.size))
        case .part(let part):
            self.init(status: .partialContent, .file(file, part))
            headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"))
        case .beyond:
            throw Refusal(
                .range, "the object has \(file.size.counted("byte")): ask for a range within; if it should have more, run a check",
                .range(file.size))
        }
    }

    /// `keep`: the connection stays open.
    func head(_ version: HTTPVersion, keep: Bool) -> HTTPResponseHead {
        var fields = HTTPHeaders(headers.map { ($0.name, $0.value) })
        switch content {
        case .length(let count):
            fields.add(name: "Content-Length", value: "\(count)")
            fields.add(name: "Content-Type", value: "application/octet-stream")
        case .text(let text, let type):
            fields.add(name: "Content-Length", value: "\(text.utf8.count)")
            fields.add(name: "Content-Type", value: type)
        case .file(_, let range):
            fields.add(name: "Content-Length", value: "\(range.count)")
            fields.add(name: "Content-Type", value: "application/octet-stream")
            fields.add(name: "Accept-Ranges", value: "bytes")
        case .list(_, let isVersion2):
            fields.add(name: "Content-Type", value: isVersion2 ? Self.version2 : Self.version1)
            if version.minor > 0 { fields.add(name: "Transfer-Encoding", value: "chunked") }
        }
        if !keep { fields.add(name: "Connection", value: "close") }
        return HTTPResponseHead(version: version, status: status, headers: fields)
    }
}
