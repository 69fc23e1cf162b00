public import NIOCore

/// Gives up clients whose request's head is not whole in time, however they drip it, and those that nobody knows between requests too.
///
/// Stands first, so that the handshake of TLS counts. Its calls are made on the connection's event loop.
public final class HeadDeadline: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer

    private let time: TimeAmount
    private let whenLate: @Sendable () -> Void
    private var context: ChannelHandlerContext?
    private var end: Scheduled<Void>?
    private var beginsWithByte = false

    /// A client that just connected has `time` for all that comes before its first head. `whenLate` is told of each that is given up.
    public init(_ time: TimeAmount, whenLate: @escaping @Sendable () -> Void) {
        self.time = time
        self.whenLate = whenLate
    }

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        begin()
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        end?.cancel()
        self.context = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if beginsWithByte { begin() }
        context.fireChannelRead(data)
    }

    /// From now on.
    public func begin() {
        headCame()
        guard let context else { return }
        end = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            whenLate()
            self.context?.close(promise: nil)
        }
    }

    /// From the next byte on: a connection that is kept rests between requests.
    public func awaitByte() {
        headCame()
        beginsWithByte = true
    }

    public func headCame() {
        end?.cancel()
        end = nil
        beginsWithByte = false
    }
}
