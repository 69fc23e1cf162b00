import CephSteps
public import StepKit

extension Catalog {
    /// Every plug-in of this binary, one line each.
    public static var standard: Catalog {
        Catalog(
            systems: [
                DirectoryType(),
                FileSystemType(),
                BtrfsType(),
                ZFSType(),
                BlockDeviceType(),
                CommandType(),
                PostgreSQLType(),
            ] + native,
            repositories: [
                LocalRepositoryType(),
                RESTRepositoryType(),
                S3RepositoryType(),
                SwiftRepositoryType(),
            ] + nativeRepositories,
            verbs: [
                Quiesce(),
                TakeSnapshot(),
                Approve(),
                External(),
                Exec(),
                Copy(),
                HTTP(),
                Verify(),
                Prune(),
                Restore(),
            ])
    }

    /// Those that need a library which a machine may not have.
    private static var native: [any SystemType] {
        #if Ceph
            [CephRBDType()]
        #else
            []
        #endif
    }

    private static var nativeRepositories: [any RepositoryType] {
        #if Ceph
            [RadosRepositoryType()]
        #else
            []
        #endif
    }
}
