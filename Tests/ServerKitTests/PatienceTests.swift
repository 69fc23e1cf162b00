import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import ServerKit

/// Who is given up, and when: by a clock that the test moves.
@Suite struct PatienceTests {
    private let channel: EmbeddedChannel

    init() throws {
        channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(PatienceHandler(.seconds(1)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        channel.read()
    }

    /// Where two periods end.
    private func wait() { channel.embeddedEventLoop.advanceTime(by: .seconds(2)) }

    private func asks(_ headers: HTTPHeaders = [:]) throws {
        try channel.writeInbound(HTTPServerRequestPart.head(.init(version: .http1_1, method: .POST, uri: "/r/data/x", headers: headers)))
        channel.read()
    }

    @Test func whoAsksNothingIsGivenUp() {
        wait()
        #expect(!channel.isActive)
    }

    @Test func whoOwesABodyIsGivenUp() throws {
        try asks()
        wait()
        #expect(!channel.isActive)
    }

    @Test func whoWaitsForTheServerIsKept() throws {
        try asks(["Expect": "100-continue"])
        wait()
        #expect(channel.isActive, "the server has not yet said that the body may come")
        try channel.writeOutbound(HTTPServerResponsePart.head(.init(version: .http1_1, status: .continue)))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(channel.isActive, "a whole period for the body")
        wait()
        #expect(!channel.isActive)
    }

    @Test func whoHasSentAllIsKept() throws {
        try asks()
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.read()
        wait()
        wait()
        #expect(channel.isActive)
        try channel.writeOutbound(HTTPServerResponsePart.head(.init(version: .http1_1, status: .ok)))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        wait()
        #expect(!channel.isActive)
    }
}
