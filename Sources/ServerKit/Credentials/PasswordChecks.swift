import Crypto
import Synchronization
import Threads

/// Checks of passwords under way. Each is slow by design: there are so many that everybody's turn comes soon, and one address has a few.
final class PasswordChecks: Sendable {
    /// One check, for all who ask the same at once: a client opens several connections, with one password.
    struct Key: Hashable, Sendable {
        var digest: SHA256Digest
        /// Of the files that it is checked against.
        var generation: Int
    }
    private struct State {
        var underWay: [Key: Task<Bool, Never>] = [:]
        var counts: [ClientAddress?: Int] = [:]
    }
    private static let most = 64
    private static let mostOfOne = 8

    private let state = Mutex(State())
    /// Threads of their own: whoever guesses passwords holds up nobody who is known already.
    private let pool = BlockingPool(label: "rest-crypt", width: 2)

    /// Throws `.busy` when as many wait as may.
    func isRight(_ key: Key, from address: ClientAddress?, _ check: @escaping @Sendable () -> Bool) async throws(Refusal) -> Bool {
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
            throw Refusal(.busy, "so many passwords are being checked that yours has to wait; try again", .retry(afterSeconds: 1))
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
