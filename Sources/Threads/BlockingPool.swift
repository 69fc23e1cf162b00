import Foundation
import Synchronization

/// A fixed number of threads for blocking calls. Work is taken in order; a call waits until a thread is free.
public final class BlockingPool: Sendable {
    private let queue: WorkQueue

    /// Starts up to `width` threads, as they are needed; they end when the pool is released.
    public init(label: String, width: Int) { queue = WorkQueue(label: label, width: max(width, 1)) }

    deinit { queue.close() }

    /// Has `body` run on one of the threads and returns at once.
    public func start(_ body: @escaping @Sendable () -> Void) { queue.add(body) }

    /// Runs `body` on one of the threads and returns what it returns. The body is not interrupted by cancellation.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.add { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// A closable first-in first-out queue that threads wait on.
private final class WorkQueue: @unchecked Sendable {  // all state is guarded by the condition
    private let condition = NSCondition()
    /// Taken ones are nil: a body may hold megabytes.
    private var items: [(@Sendable () -> Void)?] = []
    private var head = 0
    private var closed = false
    private var started = 0
    private var waiting = 0
    private let label: String
    private let width: Int

    init(label: String, width: Int) {
        self.label = label
        self.width = width
    }

    func add(_ item: @escaping @Sendable () -> Void) {
        condition.withLock {
            items.append(item)
            if items.count - head > waiting, started < width { start() }
            condition.signal()
        }
    }

    private func start() {
        let thread = Thread { self.drain() }
        thread.name = "\(label)-\(started)"
        thread.stackSize = 1 << 20
        thread.start()
        started += 1
    }

    func close() {
        condition.withLock {
            closed = true
            condition.broadcast()
        }
    }

    /// Runs items until the queue is closed and empty.
    func drain() {
        while let item = next() { item() }
    }

    private func next() -> (@Sendable () -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        while head == items.count {
            if closed { return nil }
            waiting += 1
            condition.wait()
            waiting -= 1
        }
        let item = items[head]
        items[head] = nil
        head += 1
        if head > 256, head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
        return item
    }
}
