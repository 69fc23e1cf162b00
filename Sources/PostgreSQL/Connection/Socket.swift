import Basics
import Glibc

enum Socket {
    enum Direction { case reading, writing, both }

    /// True when the socket is ready, or has failed, within so many milliseconds.
    static func wait(_ descriptor: Int32, for direction: Direction, milliseconds: Int32) -> Bool {
        let events =
            switch direction {
            case .reading: POLLIN
            case .writing: POLLOUT
            case .both: POLLIN | POLLOUT
            }
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }
}

/// A point on the monotonic clock, or never.
struct Deadline {
    private let instant: ContinuousClock.Instant?
    init(after span: TimeSpan?) { instant = span.map { .now + $0.duration } }
    var hasPassed: Bool { instant.map { .now >= $0 } ?? false }
}
