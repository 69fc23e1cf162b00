import Synchronization

/// Requests under way at each server, counted for all stores of a process: however many repositories and steps use a server, together they ask it no
/// more at once than one alone would.
public final class HostSlots: Sendable {
    private struct Waiting {
        var number: Int
        var width: Int
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct Host {
        var underWay = 0
        /// In the order in which they came: nobody is overtaken.
        var waiting: [Waiting] = []
    }

    private struct State {
        var hosts: [String: Host] = [:]
        var next = 0
        /// Cancelled before they waited.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Runs `body` when fewer than `width` others are under way at `host`. Throws `CancellationError` where the task is cancelled while it waits.
    public func within<Value: Sendable>(_ width: Int, of host: String, _ body: () async throws -> Value) async throws -> Value {
        try await take(width, host)
        defer { giveBack(host) }
        return try await body()
    }

    private func take(_ width: Int, _ host: String) async throws {
        let number = state.withLock { state -> Int? in
            if state.hosts[host, default: Host()].waiting.isEmpty, state.hosts[host, default: Host()].underWay < max(width, 1) {
                state.hosts[host, default: Host()].underWay += 1
                return nil
            }
            state.next += 1
            return state.next
        }
        guard let number else { return }
        let isMine = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    guard state.cancelled.remove(number) == nil else { return continuation.resume(returning: false) }
                    state.hosts[host, default: Host()].waiting.append(
                        Waiting(number: number, width: max(width, 1), continuation: continuation))
                    Self.admit(&state, host)
                }
            }
        } onCancel: {
            state.withLock { state in
                guard let index = state.hosts[host]?.waiting.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return
                }
                state.hosts[host]?.waiting.remove(at: index).continuation.resume(returning: false)
                Self.admit(&state, host)
            }
        }
        _ = state.withLock { $0.cancelled.remove(number) }
        guard isMine else { throw CancellationError() }
    }

    private func giveBack(_ host: String) {
        state.withLock { state in
            state.hosts[host]?.underWay -= 1
            Self.admit(&state, host)
        }
    }

    private static func admit(_ state: inout State, _ host: String) {
        while let entry = state.hosts[host], let first = entry.waiting.first, entry.underWay < first.width {
            state.hosts[host]?.waiting.removeFirst()
            state.hosts[host]?.underWay += 1
            first.continuation.resume(returning: true)
        }
        if let entry = state.hosts[host], entry.underWay == 0, entry.waiting.isEmpty { state.hosts[host] = nil }
    }
}
