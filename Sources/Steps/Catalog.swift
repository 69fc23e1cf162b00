import CephSteps
public import PluginHost
public import StepKit

extension Catalog {
    /// Every plug-in of this binary, one line each. Those of a native library, and of mounts that may stop to answer, run in child processes
    /// where `host` says how to start one, else in this process, which they may take with them.
    public static func standard(host: HostCommand?) -> Catalog {
        var catalog = Catalog(
            systems: [
                DirectoryType(),
                FileSystemType(),
                BtrfsType(),
                ZFSType(),
                BlockDeviceType(),
                CommandType(),
                PostgreSQLType(),
            ] + native(host) + mounted(host),
            repositories: [
                LocalRepositoryType(),
                RESTRepositoryType(),
                S3RepositoryType(),
                SwiftRepositoryType(),
                SQLRepositoryType(),
                SFTPRepositoryType(),
            ] + nativeRepositories(host),
            verbs: [
                Quiesce(),
                TakeSnapshot(),
                Attach(),
                Approve(),
                External(),
                Exec(),
                Copy(),
                HTTP(),
                Verify(),
                Prune(),
                Restore(),
            ])
        catalog.leftOut = unbuilt
        return catalog
    }

    private static var unbuilt: [String: String] {
        #if Ceph
            [:]
        #else
            Dictionary(
                uniqueKeysWithValues: ["ceph-rbd", "ceph-rados", "rados"].map {
                    ($0, "this program was built without Ceph's libraries: build it with the trait `Ceph`, which is a default")
                })
        #endif
    }

    /// What can be declared: for compilers, schemas and pages.
    public static var standard: Catalog { standard(host: nil) }

    /// Those that need a library which a machine may not have.
    private static func native(_ host: HostCommand?) -> [any SystemType] {
        #if Ceph
            guard let host else { return [CephRBDType(), CephRadosType()] }
            return [
                HostedImageType(CephRBDType(), in: host, timeout: CephRBDType.timeout),
                HostedTreeType(CephRadosType(), in: host, timeout: CephRadosType.timeout),
            ]
        #else
            []
        #endif
    }

    /// Those whose files may stop to answer.
    private static func mounted(_ host: HostCommand?) -> [any SystemType] {
        guard let host else { return [CephFSType()] }
        return [HostedTreeType(CephFSType(), in: host, timeout: CephFSType.patience)]
    }

    private static func nativeRepositories(_ host: HostCommand?) -> [any RepositoryType] {
        #if Ceph
            guard let host else { return [RadosRepositoryType()] }
            return [HostedRepositoryType(RadosRepositoryType(), in: host, timeout: RadosRepositoryType.timeout)]
        #else
            []
        #endif
    }
}
