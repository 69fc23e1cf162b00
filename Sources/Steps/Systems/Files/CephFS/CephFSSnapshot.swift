import HostKit
import Basics
import Glibc
import StorageKit

/// A snapshot of a folder and everything below it, made and removed as a folder of the file system's own (docs.ceph.com, CephFS snapshots).
struct CephFSSnapshot: Sendable {
    let source: String
    let snapshotFolder: String
    let key: String

    var place: String { "\(source)/\(snapshotFolder)/snappy-flow-\(key)" }

    /// Repeated, it is the same one.
    func make() throws(StorageError) {
        try requireCephFS()
        try FreezeMark.refuseWriting(to: source)
        guard mkdir(place, 0o755) != 0 else { return }
        let code = errno
        switch code {
        case EEXIST: return
        case EPERM, EACCES:
            throw StorageError(
                .accessDenied, expected: "the right to take a snapshot", found: "none", at: source,
                advice: "the client's key needs `s` (`ceph fs authorize FS client.NAME / rws`), and the file system "
                    + "`ceph fs set FS allow_new_snaps true`")
        case ENOENT:
            throw StorageError(
                .notFound, expected: "the folder of snapshots \(snapshotFolder)", found: "none", at: source,
                advice: "say `snapshotFolder` where the mount gives it another name (snapdirname, client_snapdir)")
        case EMLINK:
            throw StorageError(
                .noSpace, expected: "room for one more snapshot of the folder", found: "as many as are allowed (mds_max_snaps_per_dir)",
                at: source, advice: "remove snapshots that nobody needs: `ls \(source)/\(snapshotFolder)`")
        default: throw .system(code, expected: "a snapshot that can be made", at: place)
        }
    }

    /// Every folder of a CephFS has this attribute, through the kernel's client and ceph-fuse alike, and none elsewhere.
    private func requireCephFS() throws(StorageError) {
        guard Kernel.attribute("ceph.dir.rctime", of: source, nil, 0) < 0 else { return }
        let code = errno
        guard code == ENODATA || code == EOPNOTSUPP else { throw .system(code, expected: "a folder of a mounted CephFS", at: source) }
        throw StorageError(
            .unsupported, expected: "a folder of a mounted CephFS", found: "one of another file system", at: source,
            advice: "mount it first (mount.ceph, ceph-fuse), or declare the folder as a `directory`")
    }

    /// A snapshot is never half made.
    var isThere: Bool { (try? FolderHandle(opening: place)) != nil }

    /// Succeeds when nothing is there.
    func remove() throws(StorageError) {
        guard rmdir(place) != 0 else { return }
        let code = errno
        guard code != ENOENT else { return }
        guard code != EPERM, code != EACCES else {
            throw StorageError(
                .accessDenied, expected: "the right to remove a snapshot", found: "none", at: place,
                advice: "the client's key needs `s`: `ceph fs authorize FS client.NAME / rws`")
        }
        throw .system(code, expected: "to remove the snapshot", at: place)
    }
}
