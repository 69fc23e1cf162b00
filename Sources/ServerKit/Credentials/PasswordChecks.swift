public import Crypto
import Synchronization
import Threads

/// Checks of passwords under way. Each is slow by design: there are so many that everybody's turn comes soon, and one address has a few.
public final class PasswordChecks: Sendable {
    /// One check, for all who ask the same at once: a client opens several connections, with one password.
    public struct Key: Hashable, Sendable {
        public var digest: SHA256Digest
        /// Of the files that it is checked against.
        public var generation: Int

        public init(digest: SHA256Digest, generation: Int) {
            self.digest = digest
            self.generation = generation
        }
    }
    private struct State {
        var underWay: [Key: Task<Bool, Never>] = [:]
        var counts: [ClientAddress?: Int] = [:]
    }
    private static let most = 64
    private static let mostOfOne = 8

    public init() {}

    private let state = Mutex(State())
    /// Threads of their own: whoever guesses passwords holds up nobody who is known already.
    private let pool = BlockingPool(label: "password-checks", width: 2)

    /// Throws `.busy` when as many wait as may.
    public func isRight(_ key: Key, from address: ClientAddress?, _ check: @escaping @Sendable () -> Bool) async throws(LoginRefusal) -> Bool {
        let task = state.withLock { state -> Task<Bool, Never>? in
            if let task = state.underWay[key] { return task }
            guard state.underWay.count < Self.most, state.counts[address, default: 0] < Self.mostOfOne else { return nil }
            let task = Task { [self] in
                let isRight = (try? await pool.run(check)) ?? false
                end(key, address)
                return isRight
            }
            state.underWay[key] = task
            state.counts[address, default: 0] += 1
            return task
        }
        guard let task else {
            throw .busy(retryAfterSeconds: 1)
        }
        return await task.value
    }

    private func end(_ key: Key, _ address: ClientAddress?) {
        state.withLock { state in
            state.underWay[key] = nil
            let count = state.counts[address, default: 1] - 1
            state.counts[address] = count > 0 ? count : nil
        }
    }
}
