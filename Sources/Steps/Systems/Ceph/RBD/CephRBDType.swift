public import Basics
import FlowModel
public import StepKit

/// The `ceph-rbd` system type: a block image of a Ceph cluster.
public struct CephRBDType: SystemType {
    public init() {}

    public let name = "ceph-rbd"
    public let summary = "A block image of a Ceph cluster, copied from a snapshot: only what changed since the previous one is read"
    public let schema = SettingsSchema(
        [pool.field, namespace.field, image.field] + CephSettings.fields
            + [clone.field, features.field, objectSize.field, dataPool.field])
    /// Any worker that reaches the cluster.
    public let scope = AcquisitionScope.global

    public let needs = [CephLibrary.rados.need, CephLibrary.rbd.need]
    public let isolation = Isolation.child(because: .nativeLibrary, timeout: timeout)
    /// For how long librados waits.
    public static let timeout: @Sendable (Settings) throws -> TimeSpan = { try $0.value(CephSettings.timeout) }

    private let connections = CephConnections()

    static let pool = Setting<String>("pool", "The pool", default: "rbd")
    static let namespace = Setting<String>("namespace", "The namespace in the pool", default: "")
    static let image = Setting<String>.required("image", "The image")
    static let clone = Setting<Bool>(
        "clone", "Protect its snapshots, and hold the one being copied with a clone, so that nobody can remove it", default: false)
    static let features = Setting<[String]>(
        "features", "Features of a restored image, as in `rbd create --image-feature`; by default, those of the source")
    static let objectSize = Setting<ByteCount>("objectSize", "Object size of a restored image, a power of two; by default, the source's")
    static let dataPool = Setting<String>("dataPool", "The pool for a restored image's data, if that is another one")

    public func identity(_ settings: Settings) throws(StepError) -> String {
        let namespace = try settings.value(Self.namespace)
        let place = [try settings.value(Self.pool)] + (namespace.isEmpty ? [] : [namespace]) + [try settings.value(Self.image)]
        return "ceph-rbd:" + (try CephSettings.place(settings)) + place.joined(separator: "/")
    }

    public func problems(in settings: Settings) -> [SettingProblem] {
        [(Self.pool.name, Self.pool), (Self.image.name, Self.image)].compactMap { name, setting in
            SettingProblem(name) {
                let text = try settings.value(setting)
                guard !text.isEmpty, !text.contains(where: { "/@".contains($0) }) else {
                    throw StepError(
                        .invalidSetting, expected: "a name without `/` and `@`", found: "\"\(text)\"", at: settings.origin,
                        advice: "pool, namespace and image have keys of their own; a snapshot is taken by a `snapshot` step")
                }
            }
        }
            + [
                SettingProblem(Self.objectSize.name) {
                    guard let size = try settings.optional(Self.objectSize) else { return }
                    guard size.bytes.nonzeroBitCount == 1, (1 << 12...1 << 25).contains(size.bytes) else {
                        throw StepError(
                            .invalidSetting, expected: "a power of two from 4KiB to 32MiB", found: "\(size)", at: settings.origin)
                    }
                }
            ].compactMap { $0 }
    }

    public func groupPlace(_ settings: Settings) -> String? {
        guard (try? settings.value(Self.clone)) != true else { return nil }
        return CephSettings.clusterName(
            configuration: try? settings.optional(CephSettings.configuration), monitors: try? settings.optional(CephSettings.monitors))
    }

    public func open(_ settings: Settings, _ context: SystemContext) async throws
        -> some System & GroupSnapshotting & ImageSource & ImageDestination & Discovering & Inventorying
    {
        CephRBDSystem(
            connections: connections, cluster: try CephSettings.cluster(settings, secrets: context.secrets),
            pool: try settings.value(Self.pool),
            namespace: try settings.value(Self.namespace), image: try settings.value(Self.image),
            shape: RBDShape(
                features: try settings.optional(Self.features), objectSize: try settings.optional(Self.objectSize)?.bytes,
                dataPool: try settings.optional(Self.dataPool)),
            clones: try settings.value(Self.clone))
    }
}
