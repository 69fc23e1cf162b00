import Foundation

/// A number of things that may be in use at once; taking one more waits.
final class Allowance: @unchecked Sendable {  // all state is guarded by the condition
    private let condition = NSCondition()
    private let breakdown: Breakdown
    private var free: Int

    init(_ count: Int, breakdown: Breakdown) {
        free = count
        self.breakdown = breakdown
        breakdown.onFailure { [weak self] in self?.wakeAll() }
    }

    private func wakeAll() {
        condition.withLock { condition.broadcast() }
    }

    func take() throws {
        condition.lock()
        defer { condition.unlock() }
        while free == 0, breakdown.error == nil { condition.wait() }
        try breakdown.check()
        free -= 1
    }

    func giveBack() {
        condition.withLock {
            free += 1
            condition.signal()
        }
    }
}
