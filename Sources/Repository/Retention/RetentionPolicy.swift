public import Basics

/// What to keep, with the meaning of restic's `forget --keep-*`.
public struct RetentionPolicy: Sendable, Hashable {
    public enum Grouping: Sendable, Hashable {
        case host, paths, tags
    }

    /// The newest so many.
    public var last: Int
    /// The newest of each of the last so many hours, days, ISO weeks, months, years that have one.
    public var hourly: Int
    public var daily: Int
    public var weekly: Int
    public var monthly: Int
    public var yearly: Int
    /// Everything not older than this, counted back from the newest snapshot of the group.
    public var within: TimeSpan?
    /// Everything that has all tags of one of these lists.
    public var tags: [[String]]
    /// Counts apply to each group apart.
    public var groupBy: Set<Grouping>

    public init(
        last: Int = 0, hourly: Int = 0, daily: Int = 0, weekly: Int = 0, monthly: Int = 0, yearly: Int = 0, within: TimeSpan? = nil,
        tags: [[String]] = [], groupBy: Set<Grouping> = [.host, .paths]
    ) {
        self.last = last
        self.hourly = hourly
        self.daily = daily
        self.weekly = weekly
        self.monthly = monthly
        self.yearly = yearly
        self.within = within
        self.tags = tags
        self.groupBy = groupBy
    }

    /// A policy that says nothing keeps everything.
    public var isEmpty: Bool { last + hourly + daily + weekly + monthly + yearly == 0 && within == nil && tags.isEmpty }
}
