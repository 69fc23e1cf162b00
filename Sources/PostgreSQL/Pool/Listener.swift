public import Basics

/// Listens on channels over a connection of its own, which it makes anew whenever it breaks.
///
/// Notifications can be lost: each time the connection stands (again), and before anything is delivered over it, `.resumed` says
/// to look at the tables themselves.
public struct Listener: Sendable {
    public enum Event: Sendable, Hashable {
        /// Listening (again): whatever came before may have been missed.
        case resumed
        case notification(channel: String, payload: String)
        /// The connection broke; `.resumed` follows when it stands again.
        case interrupted(PostgreSQLError)
    }

    /// Every event of concern from now on; for one consumer. At most 256 wait: older notifications give way, for they only say "look". The
    /// connection is closed when nobody reads any more.
    public let events: AsyncStream<Event>
    private let task: Task<Void, Never>

    /// After so long without news it is asked whether the connection still stands.
    public static let probeInterval = TimeSpan.seconds(5)
    /// The longest to wait for any answer, where the settings have no limit that is less: a peer that takes everything and answers nothing
    /// must not keep us from making the connection anew.
    public static let answerTimeout = TimeSpan.seconds(10)

    public init(
        _ settings: ConnectionSettings, channels: [String], probeInterval: TimeSpan = Self.probeInterval,
        concerns: @escaping @Sendable (Event) -> Bool = { _ in true }
    ) {
        self.init(settings, channels: { _ in channels }, probeInterval: probeInterval, concerns: concerns)
    }

    /// `channels` are asked for over each new connection. What does not concern the consumer takes nobody's place.
    public init(
        _ settings: ConnectionSettings, channels: @escaping @Sendable (Connection) async throws -> [String],
        probeInterval: TimeSpan = Self.probeInterval, concerns: @escaping @Sendable (Event) -> Bool = { _ in true }
    ) {
        var limited = settings
        limited.answerTimeout = min(settings.answerTimeout ?? Self.answerTimeout, Self.answerTimeout)
        let settings = limited
        let (stream, feed) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(256))
        events = stream
        let task = Task {
            let patience = RetryPolicy(attempts: 0, backoff: .milliseconds(100), maxBackoff: .seconds(5))
            var failures = 0
            while !Task.isCancelled {
                do {
                    let connection = try await Connection.connect(settings)
                    for channel in try await channels(connection) {
                        try await connection.execute(script: "LISTEN \"\(channel.replacing("\"", with: "\"\""))\"")
                    }
                    failures = 0
                    feed.yield(.resumed)
                    while !Task.isCancelled {
                        for notification in try await connection.notifications(within: probeInterval) where concerns(notification) {
                            feed.yield(notification)
                        }
                    }
                } catch let error as PostgreSQLError {
                    failures += 1
                    if failures == 1 { feed.yield(.interrupted(error)) }
                    try? await Task.sleep(for: patience.delay(afterAttempt: failures, random: .random(in: 0...1)).duration)
                } catch {
                    break
                }
            }
            feed.finish()
        }
        self.task = task
        feed.onTermination = { _ in task.cancel() }
    }

    /// Ends the stream.
    public func stop() { task.cancel() }
}
