public import Basics
import StorageKit

extension Instant {
    /// By this machine's clock.
    public static var now: Instant {
        let time = FileTime.now
        return Instant(microseconds: time.seconds * 1_000_000 + Int64(time.nanoseconds) / 1000)
    }
}
