import Threads

/// Lines for people, written one after another without holding up whoever says them. Where nobody reads, the oldest are dropped.
public final class AccessLog: Sendable {
    private let lines: AsyncStream<String>.Continuation
    private let writing: Task<Void, Never>

    /// `write` may block.
    public init(_ write: @escaping @Sendable (String) -> Void) {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(4096))
        lines = continuation
        let pool = BlockingPool(label: "access-log", width: 1)
        writing = Task { for await line in stream { try? await pool.run { write(line) } } }
    }

    /// Never waits.
    public func say(_ line: String) { lines.yield(line) }

    /// Waits until all was written.
    public func close() async {
        lines.finish()
        await writing.value
    }
}
