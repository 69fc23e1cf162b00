import NIOCore
import Synchronization

/// A connection that was taken from the system, until somebody serves it. NIO ends the program where one is dropped that nobody has served, and those
/// that arrive while the server stops are: they are closed then.
final class ArrivedConnection: Sendable {
    private let wire: RequestBody.Wire
    private let isTaken = Atomic(false)

    init(_ wire: RequestBody.Wire) { self.wire = wire }

    /// For the one who serves it.
    func take() -> RequestBody.Wire {
        isTaken.store(true, ordering: .relaxed)
        return wire
    }

    deinit {
        guard !isTaken.load(ordering: .relaxed) else { return }
        Task { [wire] in try? await wire.executeThenClose { _, _ in } }
    }
}
