public import NIOCore
public import NIOHTTP1

/// Gives up clients that hold a connection without getting on: who sends no request, sends a byte now and then, or does not read.
///
/// Only what the client owes counts: while the server works, or its disk is slow, nobody is given up.
public final class PatienceHandler: ChannelDuplexHandler {
    public typealias InboundIn = HTTPServerRequestPart
    public typealias InboundOut = HTTPServerRequestPart
    public typealias OutboundIn = HTTPServerResponsePart
    public typealias OutboundOut = HTTPServerResponsePart

    /// Bytes that must move in each period in which no request ended.
    private static let enough = 16 << 10
    private let period: TimeAmount
    private var moved = 0
    private var unsent = 0
    private var isReading = false
    private var isRequestOpen = false
    private var isAnswerOwed = false
    /// The client sends nothing before it is told to (`Expect: 100-continue`, RFC 9110, 10.1.1).
    private var isGoOwed = false
    private var next: Scheduled<Void>?

    public init(_ period: TimeAmount) { self.period = period }

    public func handlerAdded(context: ChannelHandlerContext) { watch(context) }
    public func handlerRemoved(context: ChannelHandlerContext) { next?.cancel() }

    private func watch(_ context: ChannelHandlerContext) {
        next = context.eventLoop.assumeIsolated().scheduleTask(in: period) { [self] in
            let isWaiting = isAnswerOwed && (!isRequestOpen || isGoOwed) ? unsent > 0 : isReading || unsent > 0
            if isWaiting, moved < Self.enough {
                context.close(promise: nil)
            } else {
                moved = 0
                watch(context)
            }
        }
    }

    public func read(context: ChannelHandlerContext) {
        isReading = true
        context.read()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            (isRequestOpen, isAnswerOwed) = (true, true)
            isGoOwed = head.awaitsGo
        case .body(let buffer): moved += buffer.readableBytes
        case .end:
            isRequestOpen = false
            moved += Self.enough
        }
        context.fireChannelRead(data)
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        context.fireChannelReadComplete()
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let count: Int
        switch unwrapOutboundIn(data) {
        case .head:
            count = 0
            if isGoOwed { moved += Self.enough }
            isGoOwed = false
        case .body(let part): count = part.readableBytes
        case .end:
            count = 0
            isAnswerOwed = false
            moved += Self.enough
        }
        guard count > 0 else { return context.write(data, promise: promise) }
        unsent += count
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in
            unsent -= count
            moved += count
        }
        context.write(data, promise: promise)
    }
}
