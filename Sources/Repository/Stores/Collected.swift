import Synchronization

/// Values gathered from concurrent callbacks.
final class Collected<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])
    func append(_ values: [Value]) { state.withLock { $0 += values } }
    func append(_ value: Value) { state.withLock { $0.append(value) } }
    var values: [Value] { state.withLock { $0 } }
}
