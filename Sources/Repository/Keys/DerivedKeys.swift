import Crypto
import Dispatch
import Basics
import Synchronization
import Threads

/// What passwords were turned into, kept for a while: each step of a job, and each job of a worker, opens its repository anew, and scrypt takes a tenth
/// of a second and 32 MiB every time. It is to cost those who try passwords; who has this process's memory has its keys anyway.
///
/// Kept is what one key file's parameters make of one password. Whether that opens the file is looked at every time, so a password that was changed,
/// or a key that was removed, is so at once.
final class DerivedKeys: Sendable {
    static let shared = DerivedKeys(patience: .seconds(600))

    private struct Kept {
        let key = SharedResult<SealKey, Explanation>()
        var used: ContinuousClock.Instant
    }

    private let kept = Mutex<[SHA256Digest: Kept]>([:])
    /// Unused for so long it is wiped.
    private let patience: Duration
    /// Names are codes under it, so that they tell nothing of a password.
    private let secret = RandomBytes.make(32)

    private static let most = 64

    init(patience: Duration) { self.patience = patience }

    /// Blocks for as long as scrypt takes, where it was not asked before, or was just now: who comes meanwhile waits for the first.
    func key(_ scrypt: Scrypt, password: [UInt8]) throws(Explanation) -> SealKey {
        let name = name(scrypt, password)
        let (key, isOurs) = kept.withLock { kept in
            kept[name]?.used = .now
            if let known = kept[name] { return (known.key, false) }
            if kept.count >= Self.most, let oldest = kept.min(by: { $0.value.used < $1.value.used }) { kept[oldest.key] = nil }
            let new = Kept(used: .now)
            kept[name] = new
            return (new.key, true)
        }
        guard isOurs else { return try key.wait() }
        let made = key.make { () throws(Explanation) in try scrypt.derive(password: password) }
        if case .success = made {
            forget(name, after: patience)
        } else {
            // A machine without the memory for it may have it later.
            kept.withLock { kept in if kept[name]?.key === key { kept[name] = nil } }
        }
        return try made.get()
    }

    var count: Int { kept.withLock { $0.count } }

    private func name(_ scrypt: Scrypt, _ password: [UInt8]) -> SHA256Digest {
        var message: [UInt8] = []
        // No growing, which would leave copies behind.
        message.reserveCapacity(4 * 8 + scrypt.salt.count + password.count)
        for number in [scrypt.cost, scrypt.blockSize, scrypt.parallelism, UInt64(scrypt.salt.count)] {
            withUnsafeBytes(of: number) { message += $0 }
        }
        message += scrypt.salt
        message += password
        defer { message.wipe() }
        return HMACSHA256.code(message, key: secret)
    }

    private func forget(_ name: SHA256Digest, after delay: Duration) {
        DispatchQueue.global().asyncAfter(deadline: .now() + delay / .seconds(1)) { [weak self] in
            guard let self else { return }
            let left = kept.withLock { kept -> Duration? in
                guard let found = kept[name] else { return nil }
                let left = found.used.advanced(by: self.patience) - .now
                if left <= .zero { kept[name] = nil }
                return left
            }
            if let left, left > .zero { forget(name, after: left) }
        }
    }
}
