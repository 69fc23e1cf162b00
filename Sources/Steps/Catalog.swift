import CephSteps
public import PluginHost
public import StepKit

extension Catalog {
    /// Every plug-in of this binary. Each lives where it declares that it wants to: with `host`, in child processes that are started so; without, all in this one.
    public static func standard(host: HostCommand?) -> Catalog {
        Catalog(systems: systems.map { $0.isolated(in: host) }, repositories: repositories.map { $0.isolated(in: host) }, verbs: verbs)
    }

    /// What can be declared: for compilers, schemas and pages.
    public static var standard: Catalog { standard(host: nil) }

    private static var systems: [any SystemType] {
        [
            DirectoryType(),
            FileSystemType(),
            BtrfsType(),
            ZFSType(),
            BlockDeviceType(),
            GuestType(),
            CommandType(),
            PostgreSQLType(),
            CephRBDType(),
            CephRadosType(),
            CephFSType(),
        ]
    }

    private static var repositories: [any RepositoryType] {
        [
            LocalRepositoryType(),
            RESTRepositoryType(),
            S3RepositoryType(),
            SwiftRepositoryType(),
            SQLRepositoryType(),
            SFTPRepositoryType(),
            RadosRepositoryType(),
        ]
    }

    private static var verbs: [any Verb] {
        [
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
        ]
    }
}
