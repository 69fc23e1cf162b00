import NIOCore
import NIOHTTP1

/// The body of the request that a connection is at, part by part: no more of it is in memory than what was read from the network last.
struct RequestBody {
    typealias Wire = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private var parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    /// False while some of the body has not been read.
    private(set) var isRead = true
    /// Bytes of this body so far.
    private(set) var count: Int64 = 0

    init(_ stream: NIOAsyncChannelInboundStream<HTTPServerRequestPart>) { parts = stream.makeAsyncIterator() }

    /// The next request on this connection; nil when there is none any more.
    mutating func nextHead() async throws -> HTTPRequestHead? {
        while let part = try await parts.next() {
            guard case .head(let head) = part else { continue }
            isRead = false
            count = 0
            return head
        }
        return nil
    }

    /// The next part; nil at the end. A body that is cut off is a `.cut`.
    mutating func next() async throws -> ByteBuffer? {
        while !isRead {
            switch try await parts.next() {
            case .body(let buffer):
                count += Int64(buffer.readableBytes)
                return buffer
            case .end: isRead = true
            case .head, nil: throw Refusal(.cut, "the body ended before its end; send it again")
            }
        }
        return nil
    }

    /// Reads the rest and forgets it, so that a client that sends on sees the answer. False when it is more than `limit`.
    mutating func skip(limit: Int64) async throws -> Bool {
        let end = count + limit
        while try await next() != nil { if count > end { return false } }
        return true
    }
}
