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
            ],
            repositories: [
                LocalRepositoryType(),
                RESTRepositoryType(),
                S3RepositoryType(),
            ],
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
}
