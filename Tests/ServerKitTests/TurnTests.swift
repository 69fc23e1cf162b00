import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import ServerKit

/// The order of a connection, whatever comes when.
@Suite struct TurnTests {
    /// What the conversation would see.
    private final class Seen: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        var events: [String] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): events.append(head.uri)
            case .body: events.append("body")
            case .end: events.append("end")
            }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { events.append("error") }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { events.append("closed") }
    }
    private let channel = EmbeddedChannel()
    private let seen = Seen()

    init() throws {
        let deadline = HeadDeadline(.seconds(10)) {}
        try channel.pipeline.syncOperations.addHandlers([TurnHandler(deadline), seen])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func ask(_ uri: String, isWhole: Bool = true) throws {
        try channel.writeInbound(HTTPServerRequestPart.head(.init(version: .http1_1, method: .GET, uri: uri)))
        if isWhole { try channel.writeInbound(HTTPServerRequestPart.end(nil)) }
    }

    private func answer(_ status: HTTPResponseStatus = .ok) throws {
        try channel.writeOutbound(HTTPServerResponsePart.head(.init(version: .http1_1, status: status)))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
    }

    private func fail() { channel.pipeline.fireErrorCaught(HTTPParserError.invalidChunkSize) }

    @Test func requestsWaitForTheirTurn() throws {
        try ask("/1")
        try ask("/2")
        fail()
        #expect(seen.events == ["/1", "end"])
        try answer()
        #expect(seen.events == ["/1", "end", "/2", "end"])
        try answer()
        #expect(seen.events == ["/1", "end", "/2", "end", "error"])
        try answer(.badRequest)
        #expect(throws: TurnHandler.OutOfTurn.self) { try answer() }
        #expect(!channel.isActive)
    }

    @Test func whatCannotBeReadIsAnsweredOnce() throws {
        fail()
        fail()
        #expect(seen.events == ["error"])
        try answer(.badRequest)
        #expect(throws: TurnHandler.OutOfTurn.self) { try answer(.badRequest) }
    }

    @Test func anAnswerBeforeTheEndIsTheOnlyOne() throws {
        try ask("/1", isWhole: false)
        try answer(.unauthorized)
        fail()
        #expect(seen.events == ["/1", "error"])
        #expect(throws: TurnHandler.OutOfTurn.self) { try answer(.badRequest) }
    }

    @Test func anAnswerUnderWayGoesOn() throws {
        try ask("/1", isWhole: false)
        try channel.writeOutbound(HTTPServerResponsePart.head(.init(version: .http1_1, status: .ok)))
        fail()
        try channel.writeOutbound(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: "x"))))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        #expect(channel.isActive)
    }

    @Test func theEndOfSendingWaitsToo() throws {
        try ask("/1")
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(seen.events == ["/1", "end"])
        try answer()
        #expect(seen.events == ["/1", "end", "closed"])
    }

    @Test func nothingIsAnsweredThatWasNotAsked() {
        #expect(throws: TurnHandler.OutOfTurn.self) { try answer() }
        #expect(!channel.isActive)
    }
}
