import Synchronization
import Threads

/// Makes requests on threads of its own. Connections are kept and used again, up to one a thread and host.
/// TLS certificates and names are always verified.
public final class Client: Sendable {
    private let pool: BlockingPool
    private let handles = HandleCache()

    /// At most `width` requests are under way at once; more wait.
    public init(width: Int = 1) { pool = BlockingPool(label: "http", width: width) }

    /// Sends a request and waits for the whole answer. Cancelling the task ends it within a second.
    public func send(_ request: HTTPRequest) async throws -> HTTPAnswer {
        try request.validate()
        let stop = StopSign()
        return try await withTaskCancellationHandler {
            try await pool.run { [handles] in try handles.lend { try Transfer(request, stop: stop).perform($0) } }
        } onCancel: {
            stop.raised.store(true, ordering: .relaxed)
        }
    }
}
