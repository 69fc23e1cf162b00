import ServerKit
public import Basics
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A server of restic's REST protocol over a folder: what it stores there is what restic's `local` backend opens.
public final class ResticServer: Sendable {
    /// `http://127.0.0.1:8000/`
    public let url: String
    private let listener: NIOAsyncChannel<ArrivedConnection, Never>
    private let service: Service

    /// Listens; nobody is served before `serve`. `log` gets, at `info`, a line a request.
    public static func listen(_ settings: ResticServerSettings, log: Logger) async throws -> ResticServer {
        let service = try await Service(settings, log: log)
        let listener = try await bind(service)
        let server = ResticServer(service, listener)
        for warning in settings.warnings { log.warning("\(warning)") }
        return server
    }

    private init(_ service: Service, _ listener: NIOAsyncChannel<ArrivedConnection, Never>) {
        self.service = service
        self.listener = listener
        let settings = service.settings
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        url = "\(settings.hasTLS ? "https" : "http")://\(host):\(listener.channel.localAddress?.port ?? settings.port)/"
    }

    /// The longest request lines and headers that any client of ours needs are a tenth of it.
    private static var headLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        (limits.maxHeaderFieldSize, limits.maxHeaderListSize, limits.maxHeaderFieldCount) = (16 << 10, 64 << 10, 100)
        return limits
    }

    private static func bind(_ service: Service) async throws -> NIOAsyncChannel<ArrivedConnection, Never> {
        let (settings, limits) = (service.settings, headLimits)
        let patience = TimeAmount.milliseconds(settings.patience.milliseconds)
        let headTime = TimeAmount.milliseconds(settings.headTime.milliseconds)
        do {
            return try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                // Who has asked and says no more still gets its answer.
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .bind(
                    host: settings.host, port: settings.port,
                    // No more are taken from the system than are served.
                    serverBackPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)
                ) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        let deadline = HeadDeadline(headTime) { service.isLate(channel) }
                        try pipeline.addHandler(deadline)
                        if let identity = service.identity { try pipeline.addHandler(identity.handler()) }
                        try pipeline.configureHTTPServerPipeline(
                            withPipeliningAssistance: false, withErrorHandling: false, withEncoderConfiguration: .init(),
                            withDecoderLimitConfiguration: limits)
                        try pipeline.addHandler(TurnHandler(deadline))
                        try pipeline.addHandler(PatienceHandler(patience))
                        return ArrivedConnection(try RequestBody.Wire(wrappingChannelSynchronously: channel))
                    }
                }
        } catch let error where !(error is Explanation) {
            throw Explanation(
                .cannotListen, expected: "to listen at \(settings.host):\(settings.port)", found: "\(error)", at: "--listen",
                advice: "choose an address of this machine and a port that is free")
        }
    }

    /// Serves until `stop`; returns when every connection has ended.
    public func serve() async throws {
        let (service, limit) = (service, service.settings.maximumConnections)
        let outcome: Result<Void, any Error>
        do {
            try await listener.executeThenClose { inbound in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    var open = 0
                    for try await arrived in inbound {
                        let wire = arrived.take()
                        if open >= limit {
                            service.makeRoom()
                            try await group.next()
                            open -= 1
                        }
                        // Here, not in the task, which begins when there is a thread: who makes room must know of all who are in.
                        let isAdmitted = service.admit(wire.channel)
                        group.addTask {
                            let conversation = Conversation(wire: wire, service: service)
                            if isAdmitted { await conversation.run() } else { await conversation.refuse() }
                        }
                        open += 1
                    }
                    try await group.waitForAll()
                }
            }
            outcome = .success(())
        } catch {
            outcome = .failure(
                Explanation(
                    .failed, expected: "connections to be taken", found: "\(error)", at: url,
                    advice: "start the server again; if it lasts, raise its limit of open files"))
        }
        try outcome.get()
    }

    /// Takes no more connections. Requests under way get `grace` to end; then they leave nothing.
    public func stop(grace: TimeSpan) {
        listener.channel.close(promise: nil)
        let connections = service.connections
        connections.end(now: grace.milliseconds == 0)
        listener.channel.eventLoop.scheduleTask(in: .milliseconds(grace.milliseconds)) { connections.end(now: true) }
    }
}
