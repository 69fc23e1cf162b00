import Basics
import Synchronization

/// The database's clock, read without asking: its last known reading and the time since. Never ahead of it.
final class DatabaseClock: Sendable {
    private struct Reading {
        var database: Instant
        var local: ContinuousClock.Instant
    }
    private let reading = Mutex<Reading?>(nil)

    /// What the database said just now.
    func note(_ database: Instant) {
        reading.withLock { reading in
            let fresh = Reading(database: database, local: .now)
            // Of two readings the one that was less delayed is ahead; a clock that was set back counts too.
            if let old = reading {
                let expected = Self.extrapolate(old, to: fresh.local)
                guard database > expected || expected - database > .seconds(1) else { return }
            }
            reading = fresh
        }
    }

    /// Nil before the first reading.
    var now: Instant? { reading.withLock { $0.map { Self.extrapolate($0, to: .now) } } }

    private static func extrapolate(_ reading: Reading, to local: ContinuousClock.Instant) -> Instant {
        let elapsed = (local - reading.local).components
        return Instant(microseconds: reading.database.microseconds + elapsed.seconds * 1_000_000 + elapsed.attoseconds / 1_000_000_000_000)
    }
}
