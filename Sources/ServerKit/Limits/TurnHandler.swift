public import NIOCore
public import NIOHTTP1

/// Keeps the order of a connection: requests go in one by one, one answer to each comes out, whatever the client sends and whenever.
///
/// The `Conversation` alone answers. What can't be read is not answered here but is the last that the conversation gets to see, after all
/// that came before it; NIO's own handlers (`HTTPServerProtocolErrorHandler`, `HTTPServerPipelineHandler`) write a 400 beside its answer, or
/// two, and end a debug build that writes a second one.
public final class TurnHandler: ChannelDuplexHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    /// What the conversation says besides answers, as outbound events.
    public enum Word: Sendable {
        /// The client is known from now on.
        case known
        /// The promise is kept when all that was answered has left.
        case hasLeft
    }
    /// An answer that nobody is waiting for.
    struct OutOfTurn: Error {}

    private enum Turn {
        /// No request is open.
        case idle
        /// A head came; nothing of its answer went.
        case asked
        /// The answer has begun.
        case answering
        /// The answer went; the rest of its request is still to come, or nothing is any more.
        case answered
    }
    private enum Event {
        case part(HTTPServerRequestPart)
        case failure(any Error)
        case end
    }

    private let deadline: HeadDeadline
    private var turn = Turn.idle
    private var isRequestWhole = false
    /// Nothing that the client sends counts any more.
    private var isAtEnd = false
    private var isKnown = false
    private var waiting: CircularBuffer<Event> = []
    private var isReadOwed = false
    private var lastAnswer: EventLoopFuture<Void>?

    public init(_ deadline: HeadDeadline) { self.deadline = deadline }

    /// The client has its say again when it was answered.
    private var isHeld: Bool { isRequestWhole && (turn == .asked || turn == .answering) }

    // MARK: In

    public func read(context: ChannelHandlerContext) {
        if isHeld { isReadOwed = true } else { context.read() }
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(.part(unwrapInboundIn(data)), context) }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !(error is HTTPParserError) {
            // The connection itself is broken: what waits will never be answered.
            waiting.removeAll()
            return deliver(.failure(error), context)
        }
        take(.failure(error), context)
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        take(.end, context)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        waiting.removeAll()
        context.fireChannelInactive()
    }

    private func take(_ event: Event, _ context: ChannelHandlerContext) {
        if isHeld || !waiting.isEmpty { waiting.append(event) } else { deliver(event, context) }
    }

    private func deliver(_ event: Event, _ context: ChannelHandlerContext) {
        guard !isAtEnd else { return }
        switch event {
        case .part(let part):
            switch part {
            case .head:
                deadline.headCame()
                (turn, isRequestWhole) = (.asked, false)
            case .body: break
            case .end:
                isRequestWhole = true
                if turn == .answered { becomeIdle() }
            }
            context.fireChannelRead(wrapInboundOut(part))
        case .failure(let error):
            isAtEnd = true
            deadline.headCame()
            // It is answered like a request, unless it is the rest of one that was answered already.
            if turn == .idle { turn = .asked }
            isRequestWhole = true
            context.fireErrorCaught(error)
        case .end:
            isAtEnd = true
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
    }

    private func becomeIdle() {
        turn = .idle
        // Whom nobody knows may not linger between requests either; its time began with the answer.
        if isKnown { deadline.awaitByte() }
    }

    /// What came before its turn.
    private func release(_ context: ChannelHandlerContext) {
        guard !isHeld else { return }
        let isAny = !waiting.isEmpty
        while !isHeld, let event = waiting.popFirst() { deliver(event, context) }
        if isAny { context.fireChannelReadComplete() }
        if isReadOwed, !isHeld {
            isReadOwed = false
            context.read()
        }
    }

    // MARK: Out

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        switch (part, turn) {
        case (.head(let head), .asked) where head.status.code < 200: context.write(data, promise: promise)
        case (.head, .asked):
            turn = .answering
            context.write(data, promise: promise)
        case (.body, .answering): context.write(data, promise: promise)
        case (.end, .answering):
            let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
            lastAnswer = promise.futureResult
            context.write(data, promise: promise)
            turn = .answered
            if !isKnown { deadline.begin() }
            if isRequestWhole, !isAtEnd { becomeIdle() }
            release(context)
        default:
            promise?.fail(OutOfTurn())
            context.close(promise: nil)
        }
    }

    public func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event as? Word {
        case .known?:
            isKnown = true
            promise?.succeed()
        case .hasLeft?:
            guard let lastAnswer else {
                promise?.succeed()
                return
            }
            lastAnswer.cascade(to: promise)
        case nil: context.triggerUserOutboundEvent(event, promise: promise)
        }
    }
}
