import Foundation
import Synchronization

/// What all calls of one repository in a process share: however many are under way, together they are not faster.
public final class BandwidthLimit: Sendable {
    public enum Direction: Sendable {
        case upload, download
    }

    private let schedule: BandwidthSchedule
    private let calendar: Calendar
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    private struct State {
        var upload = PacedLine()
        var download = PacedLine()
        var current = Bandwidth()
        /// Since 1970: for which `current` was looked up.
        var minute: Int?
    }

    public init(_ schedule: BandwidthSchedule) {
        self.schedule = schedule
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(identifier: schedule.timeZone) ?? .gmt
        self.calendar = calendar
    }

    /// Counts bytes that move now. Whoever moves them waits so long before the next, or before it says that it is done.
    public func moved(_ bytes: Int, _ direction: Direction) -> Duration {
        moved(bytes, direction, at: .now, seconds: (ContinuousClock.now - began) / .seconds(1))
    }

    /// `seconds`: of a clock that nobody sets.
    func moved(_ bytes: Int, _ direction: Direction, at date: Date, seconds: Double) -> Duration {
        state.withLock { state in
            let minute = Int((date.timeIntervalSince1970 / 60).rounded(.down))
            if state.minute != minute {
                let parts = calendar.dateComponents([.weekday, .hour, .minute], from: date)
                state.current = schedule.bandwidth(day: (parts.weekday ?? 1) - 1, minute: (parts.hour ?? 0) * 60 + (parts.minute ?? 0))
                state.minute = minute
            }
            switch direction {
            case .upload: return .seconds(state.upload.take(bytes, rate: state.current.upload, at: seconds))
            case .download: return .seconds(state.download.take(bytes, rate: state.current.download, at: seconds))
            }
        }
    }
}

/// A line of a certain width: who sends takes it for as long as his bytes need. What was not used is not saved up. A pure value.
struct PacedLine: Sendable, Hashable {
    private var freeAt = -Double.infinity

    /// Seconds from `now` until the bytes, and all before them, have passed.
    mutating func take(_ bytes: Int, rate: Int64?, at now: Double) -> Double {
        guard let rate, rate > 0 else { return 0 }
        freeAt = max(freeAt, now) + Double(bytes) / Double(rate)
        return freeAt - now
    }
}

/// A store that paces its requests itself, as their bytes go over the wire.
public protocol PacedStore: ObjectStore {
    /// Asked once, before the first call.
    func pace(by limit: BandwidthLimit)
}

/// The limits of a process, by what they limit: whoever opens a repository again shares what is there.
public final class BandwidthLimits: Sendable {
    private struct Key: Hashable {
        var identity: String
        var schedule: BandwidthSchedule
    }
    private let known = Mutex<[Key: BandwidthLimit]>([:])

    public init() {}

    public func limit(of identity: String, _ schedule: BandwidthSchedule) -> BandwidthLimit {
        known.withLock { known in
            let key = Key(identity: identity, schedule: schedule)
            let limit = known[key] ?? BandwidthLimit(schedule)
            known[key] = limit
            return limit
        }
    }
}
