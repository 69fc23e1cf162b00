import Basics
import FlowModel
import StepKit

/// How a cluster is reached: declared once for all of Ceph's systems.
enum CephSettings {
    static let fields = [configuration.field, monitors.field, user.field, key.field, timeout.field]

    static let configuration = Setting<String>(
        "configuration", "The cluster's configuration file; by default /etc/ceph/ceph.conf, unless `monitors` are given", type: .path)
    static let monitors = Setting<String>("monitors", "The monitors, written like `mon_host` in that file: host:port, host:port")
    static let user = Setting<String>("user", "The user, without `client.`", default: "admin")
    static let key = Setting<SecretReference>("key", "The user's key; by default, from a keyring of the configuration")
    static let timeout = Setting<TimeSpan>(
        "timeout", "Timeout for an answer of the cluster, in whole seconds", default: .seconds(60))

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
