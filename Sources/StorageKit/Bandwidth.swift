/// Bytes a second; nil: as fast as it goes.
public struct Bandwidth: Sendable, Hashable {
    public var upload: Int64?
    public var download: Int64?

    public init(upload: Int64? = nil, download: Int64? = nil) {
        self.upload = upload
        self.download = download
    }
}

/// Which bandwidth is meant when.
public struct BandwidthSchedule: Sendable, Hashable {
    public var usual: Bandwidth
    /// The first that fits holds.
    public var hours: [Hours]
    /// A name of the tz database.
    public var timeZone: String

    public init(usual: Bandwidth, hours: [Hours] = [], timeZone: String = "UTC") {
        self.usual = usual
        self.hours = hours
        self.timeZone = timeZone
    }

    public struct Hours: Sendable, Hashable {
        /// On which it begins: 0 is Sunday.
        public var days: Set<Int>
        /// Minutes of the day. The end is the next day's when it is not after the beginning.
        public var from: Int
        public var to: Int
        public var bandwidth: Bandwidth

        public init(days: Set<Int> = Set(0..<7), from: Int, to: Int, bandwidth: Bandwidth) {
            self.days = days
            self.from = from
            self.to = to
            self.bandwidth = bandwidth
        }

        func holds(day: Int, minute: Int) -> Bool {
            if from < to { return days.contains(day) && (from..<to).contains(minute) }
            return days.contains(day) && minute >= from || days.contains((day + 6) % 7) && minute < to
        }
    }

    /// `day`: 0 is Sunday. `minute`: of the day.
    public func bandwidth(day: Int, minute: Int) -> Bandwidth {
        hours.first { $0.holds(day: day, minute: minute) }?.bandwidth ?? usual
    }
}
