import NIOCore
import Synchronization

/// The connections that are open, so that the server can end: idle ones at once, others after their request.
final class Connections: Sendable {
    private struct Entry {
        var channel: any Channel
        var isBusy = false
    }
    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var isEnding = false
    }
    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func add(_ channel: any Channel) {
        let isEnding = state.withLock { state in
            state.entries[ObjectIdentifier(channel)] = Entry(channel: channel)
            return state.isEnding
        }
        if isEnding { channel.close(promise: nil) }
    }

    func remove(_ channel: any Channel) { state.withLock { _ = $0.entries.removeValue(forKey: ObjectIdentifier(channel)) } }

    /// A request begins or ended. False when it shall be the last of its connection.
    @discardableResult
    func set(_ channel: any Channel, busy: Bool) -> Bool {
        state.withLock { state in
            state.entries[ObjectIdentifier(channel)]?.isBusy = busy
            return !state.isEnding
        }
    }

    /// No more requests: idle connections are closed, and with `now` all of them.
    func end(now: Bool) {
        let channels = state.withLock { state in
            state.isEnding = true
            return state.entries.values.filter { now || !$0.isBusy }.map(\.channel)
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
