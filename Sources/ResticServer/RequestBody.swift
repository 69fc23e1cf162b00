import NIOCore
import NIOHTTP1

/// The body of the request that a connection is at, part by part: no more of it is in memory than what was read from the network last.
struct RequestBody {
    typealias Wire = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    private var parts: NIOAsyncChannelInboundStream<HTTPServerRequestPart>.AsyncIterator
    /// False while some of the body has not been read.
    private(set) var isRead = true
    /// Nothing that follows can be read.
    private var isBroken = false
    /// Bytes of this body so far.
    private(set) var count: Int64 = 0

    init(_ stream: NIOAsyncChannelInboundStream<HTTPServerRequestPart>) { parts = stream.makeAsyncIterator() }

    /// The next request on this connection; nil when there is none any more. `.badRequest` or `.cut` for what can't be read.
    mutating func nextHead() async throws -> HTTPRequestHead? {
        while let part = try await nextPart() {
            guard case .head(let head) = part else { continue }
            isRead = false
            count = 0
            return head
        }
        return nil
    }

    private mutating func nextPart() async throws -> HTTPServerRequestPart? {
        guard !isBroken else { return nil }
        do { return try await parts.next() } catch let error as HTTPParserError {
            isBroken = true
            if case .invalidEOFState = error { throw Refusal(.cut, "the request ended before its end; send it again") }
            throw Refusal(.badRequest, "this is no HTTP/1.1 as RFC 9112 has it (\(error)); look at the client, and what is between")
        }
    }

    /// The next part; nil at the end. A body that is cut off is a `.cut`, one that can't be read a `.badRequest`.
    mutating func next() async throws -> ByteBuffer? {
        while !isRead {
            switch try await nextPart() {
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
