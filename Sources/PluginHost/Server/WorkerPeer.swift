import Basics
import StorageKit
import Synchronization

/// The worker, as a host process asks it while a call is under way. Its ids are below zero, so that nobody takes an answer for a request.
final class WorkerPeer: PluginPeer {
    let name = "the worker"
    let callsAtOnce = 16
    let isOurs = true
    private let output: PluginOutput
    private let state = Mutex(State())

    private struct State {
        var next: Int64 = -1
        var waiting: [Int64: PluginCall] = [:]
        var hasEnded = false
    }

    /// The worker has no limit of its own: whoever waits for an answer of it waits for what it reads, until one of the two processes ends.
    private static let patience = Duration.seconds(365 * 24 * 3600)

    init(_ output: PluginOutput) { self.output = output }

    func call(_ name: String, _ arguments: JSONValue) throws(StorageError) -> PluginCall.Answer {
        let call = PluginCall(name, into: nil, timeout: Self.patience)
        let id = state.withLock { state -> Int64? in
            guard !state.hasEnded else { return nil }
            defer { state.next -= 1 }
            state.waiting[state.next] = call
            return state.next
        }
        guard let id else { throw Self.gone(name) }
        defer { state.withLock { $0.waiting[id] = nil } }
        guard output.question(id, name, arguments), let outcome = call.wait() else { throw Self.gone(name) }
        return try outcome.get()
    }

    /// What the worker says to a question.
    func answered(_ id: Int64, _ message: JSONValue, _ data: [UInt8]?) {
        guard let call = state.withLock({ $0.waiting[id] }) else { return }
        if let error = message["error"] { return call.failed(PluginFailure(json: error, call: call.name, plugin: name).error) }
        if let data { call.received(data, count: data.count) }
        call.answered(message["result"] ?? .null, data: data?.count)
    }

    /// Nobody answers any more.
    func end() {
        let waiting = state.withLock { state in
            state.hasEnded = true
            return state.waiting.values.map { ($0, Self.gone($0.name)) }
        }
        for (call, error) in waiting { call.failed(error) }
    }

    private static func gone(_ call: String) -> StorageError {
        StorageError(
            .unavailable, expected: "an answer of the worker to \(call)", found: "its end of the line is closed",
            at: "the plug-in's process", retry: .transient)
    }
}
