public import FlowModel

/// How a repository's store is used, whatever its type: keys that every repository has, beside `password` and `create`.
public struct StoreAccess: Sendable, Hashable {
    /// For how long calls are repeated while the store is away or busy.
    public var retryFor: TimeSpan

    public static let retryFor = Setting<TimeSpan>(
        "retryFor", "A store that has answered before and is away or busy is asked again for so long; 0s for one try", default: .minutes(15)
    )

    public static let schema = SettingsSchema([retryFor.field])

    /// `name`: the repository's, for errors.
    public init(_ planned: PlannedRepository, name: String) throws(StepError) {
        let settings = Settings(planned.access ?? [:], origin: "repository \(name)")
        retryFor = try settings.value(Self.retryFor)
    }
}
