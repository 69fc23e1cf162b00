import Foundation

/// Hands elements from thread to thread, first in first out; putting waits while it is full.
final class BoundedQueue<Element>: @unchecked Sendable {  // all state is guarded by the condition
    private let condition = NSCondition()
    private let capacity: Int
    private let breakdown: Breakdown
    private var items: [Element] = []
    private var finished = false

    init(capacity: Int, breakdown: Breakdown) {
        self.capacity = capacity
        self.breakdown = breakdown
        breakdown.onFailure { [weak self] in self?.wakeAll() }
    }

    private func wakeAll() {
        condition.withLock { condition.broadcast() }
    }

    func put(_ element: sending Element) throws {
        condition.lock()
        defer { condition.unlock() }
        while items.count >= capacity, breakdown.error == nil { condition.wait() }
        try breakdown.check()
        items.append(element)
        condition.broadcast()
    }

    /// Nil when nothing is left and nothing will come.
    func take() throws -> Element? {
        condition.lock()
        defer { condition.unlock() }
        while items.isEmpty, !finished, breakdown.error == nil { condition.wait() }
        try breakdown.check()
        guard !items.isEmpty else { return nil }
        condition.broadcast()
        return items.removeFirst()
    }

    /// No more elements come.
    func finish() {
        condition.withLock {
            finished = true
            condition.broadcast()
        }
    }
}
