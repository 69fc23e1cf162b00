public import Basics
public import FlowModel
public import StorageKit

/// How a repository's store is used, whatever its type: keys that every repository has, beside `password` and `create`.
public struct StoreAccess: Sendable, Hashable {
    /// For how long calls are repeated while the store is away or busy.
    public var retryFor: TimeSpan
    /// How fast it may be; nil: as fast as it goes.
    public var bandwidth: BandwidthSchedule?
    /// The most that is kept of its metadata on this machine.
    public var cacheSize: ByteCount

    /// How long a store that is away is waited for.
    public static let retryFor = Setting<TimeSpan>(
        "retryFor", "How long to retry a store that has answered before and is now away or busy; 0s for one attempt", default: .minutes(15)
    )
    /// How fast a worker may be with the store, by the time of day.
    public static let bandwidth = Setting<[String: JSONValue]>(
        "bandwidth", "Bandwidth limits of a worker for this store, all its transfers together", type: .object(BandwidthSettings.schema))

    /// How much of its metadata is kept on a machine.
    public static let cacheSize = Setting<ByteCount>(
        "cacheSize", "Maximum size of a machine's encrypted cache of metadata, if the repository is on another machine; 0B for none",
        default: ByteCount(bytes: 1 << 30))

    /// The keys that every repository has.
    public static let schema = SettingsSchema([retryFor.field, bandwidth.field, cacheSize.field])

    /// `name`: the repository's, for errors.
    public init(_ planned: PlannedRepository, name: String) throws(StepError) {
        let settings = Settings(planned.access ?? [:], origin: "repository \(name)")
        retryFor = try settings.value(Self.retryFor)
        bandwidth = try Self.bandwidth(settings)
        cacheSize = try settings.value(Self.cacheSize)
    }

    /// What a declaration says that has the right shape and can't be meant.
    public static func problems(in settings: Settings) -> [SettingProblem] {
        SettingProblem(bandwidth.name) { _ = try bandwidth(settings) }.map { [$0] } ?? []
    }

    private static func bandwidth(_ settings: Settings) throws(StepError) -> BandwidthSchedule? {
        guard let values = try settings.optional(bandwidth) else { return nil }
        return try BandwidthSettings.read(values, origin: settings.origin)
    }
}
