import Foundation
import Glibc
import Threads

/// A CephFS on `CephRig`'s cluster, mounted by ceph-fuse: one for the test process. Mounting needs root.
public final class CephFSRig: Sendable {
    /// Where it is mounted with all rights.
    public let path: String
    /// Where it is mounted by a client that may take no snapshots.
    public let plain: String
    private let ceph: CephRig
    private let server: KeptProgram

    private static let shared = Task {
        let ceph = try await CephRig.running()
        return try await BlockingPool(label: "cephfs-rig", width: 1).run { try CephFSRig(ceph) }
    }
    public static func running() async throws -> CephFSRig { try await shared.value }

    /// A new folder of it.
    public func folder() throws -> String {
        let folder = path + "/test\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        return folder
    }

    private init(_ ceph: CephRig) throws {
        guard geteuid() == 0 else { throw ResticRig.Failure(description: "mounting a CephFS needs root; run the tests as root") }
        self.ceph = ceph
        path = ceph.folder + "/cephfs"
        plain = ceph.folder + "/plain"
        server = try KeptProgram(
            KeptProgram.prelude + #"""
                cd "$1" || exit 1
                sed -e '/^admin_socket/d' ceph.conf >fs.conf
                printf '[mds]\nkeyring = %s/mds.keyring\nmds_data = %s/mds\n[client.fs]\nkeyring = %s/fs.keyring\n[client.plain]\nkeyring = %s/plain.keyring\n' "$1" "$1" "$1" "$1" >>fs.conf
                export CEPH_CONF=$1/fs.conf
                mkdir mds cephfs plain
                mounts=
                end() { umount -l cephfs plain 2>/dev/null; kill -KILL $mounts $mds 2>/dev/null; wait 2>/dev/null; }
                fail() { echo "$1; install ceph-mds and ceph-fuse; last words: $(tail -qn2 mds*.log mount-*.log | tr '\n' ' ')"; end; exit 1; }
                ask() { timeout 60 ceph "$@" 2>/dev/null; }
                { ask osd pool create cephfs-meta 8 8 && ask osd pool create cephfs-data 8 8 && ask fs new cephfs cephfs-meta cephfs-data; } >/dev/null || fail "no file system"
                { ask auth get-or-create mds.a mon 'allow profile mds' osd 'allow rwx' mds 'allow' >mds.keyring &&
                    ask auth get-or-create client.fs mon 'allow r' mds 'allow rwps' osd 'allow rw' >fs.keyring &&
                    ask auth get-or-create client.plain mon 'allow r' mds 'allow rw' osd 'allow rw' >plain.keyring; } || fail "no keys"
                ceph-mds -f -i a >/dev/null 2>&1 </dev/null & mds=$!
                active() { timeout 20 ceph mds stat 2>/dev/null | grep -q up:active; }
                await $mds active || fail "the metadata server does not become active"
                mounted() { grep -q " $PWD/$1 fuse.ceph-fuse " /proc/mounts; }
                for user in fs:cephfs plain:plain; do
                    ceph-fuse -f -n "client.${user%%:*}" -c fs.conf "$PWD/${user#*:}" >"mount-${user%%:*}.log" 2>&1 </dev/null & mounts="$mounts $!"
                    await $! mounted "${user#*:}" || fail "ceph-fuse does not mount"
                done
                chmod 777 cephfs
                echo ready
                cat >/dev/null
                end
                """#, [ceph.folder])
    }
}
