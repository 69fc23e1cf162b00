import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import ServerKit

/// Who does not get his request's head out in time: by a clock that the test moves.
@Suite struct HeadDeadlineTests {
    private let channel = EmbeddedChannel()

    init() throws {
        let deadline = HeadDeadline(.seconds(10)) {}
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(deadline)
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
        try pipeline.addHandler(TurnHandler(deadline))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func wait(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
    private func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }
    private func know() throws { try channel.triggerUserOutboundEvent(TurnHandler.Word.known).wait() }

    private func answer() throws {
        try channel.writeOutbound(HTTPServerResponsePart.head(.init(version: .http1_1, status: .ok, headers: ["Content-Length": "0"])))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
    }

    @Test func whoSendsNothingIsGivenUp() {
        wait(11)
        #expect(!channel.isActive)
    }

    @Test func whoDripsItIsGivenUp() throws {
        for byte in "GET / HTTP" {
            try send(String(byte))
            wait(1)
        }
        #expect(!channel.isActive)
    }

    @Test func aWholeHeadIsEnough() throws {
        try send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
        wait(1000)
        #expect(channel.isActive, "the body is the patience's")
    }

    @Test func whomNobodyKnowsDoesNotLinger() throws {
        try send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
        try answer()
        wait(5)
        try send("hello")
        wait(6)
        #expect(!channel.isActive, "neither with the rest of a body nor between requests")
    }

    @Test func whoIsKnownMayRestBetweenRequests() throws {
        try send("GET / HTTP/1.1\r\n\r\n")
        try know()
        try answer()
        wait(1000)
        #expect(channel.isActive)
        try send("G")
        wait(9)
        try send("ET / HTTP/1.1\r\n\r\n")
        wait(1000)
        #expect(channel.isActive)
        try answer()
        try send("G")
        wait(11)
        #expect(!channel.isActive)
    }
}
