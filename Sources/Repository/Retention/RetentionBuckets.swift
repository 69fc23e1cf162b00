import Basics

/// restic's buckets (internal/restic/snapshot_policy.go, ApplyPolicy).
enum RetentionBuckets {
    private struct Bucket {
        var count: Int
        var reason: String
        /// What names the hour, day, ... of a snapshot.
        var value: (Snapshot, Int) -> Int
        var last: Int?
    }

    /// Why each snapshot is kept, by id. `snapshots` are of one group, newest first.
    static func reasons(_ policy: RetentionPolicy, _ snapshots: [Snapshot]) -> [String: [String]] {
        guard let newest = snapshots.first else { return [:] }
        var buckets = [
            Bucket(count: policy.last, reason: "last snapshot") { $1 },
            Bucket(count: policy.hourly, reason: "hourly snapshot") { snapshot, _ in
                CalendarDay(snapshot).number * 24 + CalendarDay(snapshot).hour
            },
            Bucket(count: policy.daily, reason: "daily snapshot") { snapshot, _ in CalendarDay(snapshot).number },
            Bucket(count: policy.weekly, reason: "weekly snapshot") { snapshot, _ in CalendarDay(snapshot).week },
            Bucket(count: policy.monthly, reason: "monthly snapshot") { snapshot, _ in CalendarDay(snapshot).month },
            Bucket(count: policy.yearly, reason: "yearly snapshot") { snapshot, _ in CalendarDay(snapshot).year },
        ]
        var reasons: [String: [String]] = [:]
        for (position, snapshot) in snapshots.enumerated() {
            for list in policy.tags where list.allSatisfy({ snapshot.tags.containsExactly($0) }) {
                reasons[snapshot.id, default: []].append("has tags \(list.joined(separator: ", "))")
            }
            if let within = policy.within, newest.time - snapshot.time < within {
                reasons[snapshot.id, default: []].append("within \(within)")
            }
            for index in buckets.indices where buckets[index].count > 0 {
                let value = buckets[index].value(snapshot, position)
                // The oldest fills a bucket that has room, so that history is as long as it can be.
                let oldest = position == snapshots.count - 1
                guard value != buckets[index].last || oldest else { continue }
                reasons[snapshot.id, default: []].append((value == buckets[index].last ? "oldest " : "") + buckets[index].reason)
                buckets[index].last = value
                buckets[index].count -= 1
            }
        }
        return reasons
    }

    /// A snapshot's calendar position in its own zone.
    private struct CalendarDay {
        /// Days since the epoch.
        let number: Int
        let hour: Int

        init(_ snapshot: Snapshot) {
            let seconds = snapshot.time.microseconds.flooredQuotient(1_000_000) + Int64(snapshot.zoneMinutes) * 60
            number = Int(seconds.flooredQuotient(86400))
            hour = Int(seconds - Int64(number) * 86400) / 3600
        }

        var year: Int { GoTime.civil(Int64(number)).year }
        var month: Int { GoTime.civil(Int64(number)).year * 12 + GoTime.civil(Int64(number)).month }
        /// ISO weeks begin on Monday; 1970-01-05 was one.
        var week: Int { Int(Int64(number - 4).flooredQuotient(7)) }
    }
}

extension Int64 {
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 { self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor) }
}
