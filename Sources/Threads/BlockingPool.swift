import Foundation
import Synchronization

/// A fixed number of threads for blocking calls. Work is taken in order; a call waits until a thread is free.
public final class BlockingPool: Sendable {
    private let queue: WorkQueue

    /// Starts `width` threads, which end when the pool is released.
    public init(label: String, width: Int) {
        let queue = WorkQueue()
        self.queue = queue
        for index in 0..<max(width, 1) {
            let thread = Thread { queue.drain() }
            thread.name = "\(label)-\(index)"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    deinit { queue.close() }

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

    func add(_ item: @escaping @Sendable () -> Void) {
        condition.withLock {
            items.append(item)
            condition.signal()
        }
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
            condition.wait()
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
