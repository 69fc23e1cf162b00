import StorageKit

/// What the files of a data folder are, by their paths below it (PostgreSQL manual 73.1).
enum DataFolderFiles {
    static let wal: FileName = "pg_wal"
    static let control = TreePath("global/pg_control")
    static let label: FileName = "backup_label"
    static let tablespaceMap: FileName = "tablespace_map"
    static let manifest: FileName = "backup_manifest"
    static let tablespaceLinks: FileName = "pg_tblspc"

    /// True for what a backup must not bring along: a running server's process and its own notes, and the papers of an older backup.
    static func isOfTheServerAlone(_ path: TreePath) -> Bool {
        guard let name = path.parts.last, let first = path.parts.first else { return false }
        if path.parts.count == 1 { return files.contains(name) }
        if path.parts.count == 2, emptied.contains(first) { return true }
        return hasPrefix(name, "pgsql_tmp") || hasPrefix(name, "pg_internal.init")
    }

    private static let files: Set<FileName> = [
        "postmaster.pid", "postmaster.opts", label, tablespaceMap, manifest, "current_logfiles.tmp", "postgresql.auto.conf.tmp",
    ]
    private static let emptied: Set<FileName> = [
        "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans",
    ]

    /// `00000002.history`
    static func isTimelineHistory(_ name: FileName) -> Bool {
        name.bytes.count == 16 && name.bytes.suffix(8).elementsEqual(".history".utf8)
    }

    private static func hasPrefix(_ name: FileName, _ prefix: String) -> Bool { name.bytes.starts(with: prefix.utf8) }
}
