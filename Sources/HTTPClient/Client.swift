import Synchronization
import Threads

/// Makes requests on threads of its own; connections are not kept. TLS certificates and names are always verified.
public final class Client: Sendable {
    private let pool: BlockingPool

    /// At most `width` requests are under way at once; more wait.
    public init(width: Int = 1) { pool = BlockingPool(label: "http", width: width) }

    /// Sends a request and waits for the whole answer. Cancelling the task ends it within a second.
    public func send(_ request: Request) async throws -> Response {
        try request.validate()
        let stop = StopSign()
        return try await withTaskCancellationHandler {
            try await pool.run { try Transfer(request, stop: stop).perform() }
        } onCancel: {
            stop.raised.store(true, ordering: .relaxed)
        }
    }
}

/// Raised by whoever cancels, read by libcurl's progress callback.
final class StopSign: Sendable {
    let raised = Atomic(false)
}
