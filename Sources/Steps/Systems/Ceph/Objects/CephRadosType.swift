public import Basics
import FlowModel
public import StepKit

/// The `ceph-rados` system type: a pool of a Ceph cluster, or a namespace of one, as objects.
public struct CephRadosType: SystemType {
    public init() {}

    public let name = "ceph-rados"
    public let summary = "The objects of a pool of a Ceph cluster, with data, attributes and omap"
    public let schema = SettingsSchema([pool.field, namespace.field] + CephSettings.fields + [parallel.field])
    /// Any worker that reaches the cluster.
    public let scope = AcquisitionScope.global

    public let needs = [CephLibrary.rados.need]
    public let isolation = Isolation.child(because: .nativeLibrary, timeout: timeout)
    /// For how long librados waits.
    public static let timeout: @Sendable (Settings) throws -> TimeSpan = { try $0.value(CephSettings.timeout) }

    static let pool = Setting<String>.required("pool", "The pool")
    static let namespace = Setting<String>("namespace", "One namespace of the pool, `\"\"` for the one without a name; by default, all")
    static let parallel = Setting<Int>("parallel", "How many objects are read at once", default: 8, type: .integer(1...64))

    public func identity(_ settings: Settings) throws(StepError) -> String {
        let namespace = try settings.optional(Self.namespace).map { "/@\($0)" } ?? ""
        return "ceph-rados:" + (try CephSettings.place(settings)) + (try settings.value(Self.pool)) + namespace
    }

    public func problems(in settings: Settings) -> [SettingProblem] {
        [
            SettingProblem(Self.pool.name) {
                let text = try settings.value(Self.pool)
                guard !text.isEmpty, !text.contains("/") else {
                    throw StepError(
                        .invalidSetting, expected: "a pool's name", found: "\"\(text)\"", at: settings.origin,
                        advice: "pool and namespace have keys of their own; `ceph osd pool ls` lists pools")
                }
            }
        ].compactMap { $0 }
    }

    public func open(_ settings: Settings, _ context: SystemContext) async throws
        -> some System & Snapshotting & TreeSource & TreeDestination & Discovering & Inventorying
    {
        CephRadosSystem(
            cluster: try CephSettings.cluster(settings, secrets: context.secrets), pool: try settings.value(Self.pool),
            namespace: try settings.optional(Self.namespace), readsAtOnce: try settings.value(Self.parallel),
            place: try CephSettings.place(settings))
    }
}
