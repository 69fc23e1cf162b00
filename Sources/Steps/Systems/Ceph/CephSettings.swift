import Basics
import FlowModel
import StepKit

/// How a cluster is reached: declared once for all of Ceph's systems.
enum CephSettings {
    static let fields = [configuration.field, monitors.field, user.field, key.field, timeout.field]

    static let configuration = Setting<String>(
        "configuration", "The cluster's configuration file; /etc/ceph/ceph.conf where no `monitors` are named", type: .path)
    static let monitors = Setting<String>("monitors", "The monitors, as `mon_host` of that file: host:port, host:port")
    static let user = Setting<String>("user", "The user, without `client.`", default: "admin")
    static let key = Setting<SecretReference>("key", "The user's key; a keyring of the configuration else")
    static let timeout = Setting<TimeSpan>(
        "timeout", "An answer of the cluster is waited for so long; whole seconds", default: .seconds(60))

    static func cluster(_ settings: Settings, secrets: any SecretResolver) throws(StepError) -> CephCluster.Settings {
        var secret: Secret?
        if let reference = try settings.optional(key) { secret = try secrets.resolve(reference) }
        return CephCluster.Settings(
            configuration: try settings.optional(configuration), monitors: try settings.optional(monitors),
            user: try settings.value(user),
            key: secret, timeout: try settings.value(timeout))
    }

    /// What images of one cluster have in common.
    static func clusterName(configuration: String?, monitors: String?) -> String { monitors ?? configuration ?? "/etc/ceph/ceph.conf" }

    /// Which cluster, where it is not the host's own.
    static func place(_ settings: Settings) throws(StepError) -> String {
        if let monitors = try settings.optional(monitors) { return monitors.filter { $0 != " " } + "/" }
        return try settings.optional(configuration).map { $0 + ":" } ?? ""
    }
}
