public import Basics
import FlowModel
public import StepKit
public import StorageKit

/// The `rados` repository type: a pool of a Ceph cluster, without a gateway in between.
public struct RadosRepositoryType: RepositoryType {
    public init() {}

    public let name = "rados"
    public let summary = "A pool of a Ceph cluster, without a gateway"
    public let schema = SettingsSchema([Self.pool.field, Self.namespace.field, Self.connections.field] + CephSettings.fields)

    public let needs = [CephLibrary.rados.need]
    public let isolation = Isolation.child(because: .nativeLibrary, timeout: timeout)
    /// For how long librados waits.
    public static let timeout: @Sendable (Settings) throws -> TimeSpan = { try $0.value(CephSettings.timeout) }

    static let pool = Setting<String>.required("pool", "The pool; the first copy creates it if it does not exist and the user may")
    static let namespace = Setting<String>("namespace", "The namespace in the pool: one for each repository", default: "")
    static let connections = Setting<Int>("connections", "Maximum concurrent requests", default: 8, type: .integer(1...64))

    public func identity(_ settings: Settings) throws(StepError) -> String {
        let (pool, namespace) = (try settings.value(Self.pool), try settings.value(Self.namespace))
        guard !pool.isEmpty, !pool.contains("/") else {
            throw StepError(
                .invalidSetting, expected: "a pool's name", found: "\"\(pool)\"", at: settings.origin,
                advice: "pool and namespace have keys of their own; `ceph osd pool ls` lists pools")
        }
        return "rados:" + (try CephSettings.place(settings)) + pool + (namespace.isEmpty ? "" : "/\(namespace)")
    }

    public func open(_ settings: Settings, _ context: StoreContext) async throws -> any ObjectStore {
        RadosStore(
            cluster: try CephSettings.cluster(settings, secrets: context.secrets), pool: try settings.value(Self.pool),
            namespace: try settings.value(Self.namespace), connections: try settings.value(Self.connections),
            location: try identity(settings))
    }
}
