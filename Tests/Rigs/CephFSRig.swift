import Foundation
import Glibc
import Threads

/// A CephFS on `CephRig`'s cluster, mounted by ceph-fuse: one for the test process. Mounting needs root.
public final class CephFSRig: Sendable {
    /// Where it is mounted with all rights.
    public let path: String
    /// Where it is mounted by a client that may take no snapshots.
    public let plain: String
    /// Ends before its cluster does.
    private let server: KeptProgram
    private let ceph: CephRig

    private static let shared = Task {
        let ceph = try await CephRig.running()
        return try await BlockingPool(label: "cephfs-rig", width: 1).run { try CephFSRig(ceph) }
    }
    public static func running() async throws -> CephFSRig { try await shared.value }

    /// One that ends with its user, on a cluster of its own: for a test that stops its servers.
    public static func apart() async throws -> CephFSRig {
        let ceph = try await CephRig.apart()
        return try await BlockingPool(label: "cephfs-rig", width: 1).run { try CephFSRig(ceph) }
    }

    /// Ends the metadata server by SIGKILL; it is gone when this returns.
    public func killMetadataServer() throws { try server.tell("kill") }

    /// Starts it again. It serves nobody yet when this returns.
    public func startMetadataServer() throws { try server.tell("start") }

    /// Ends the client that holds the mount `path`, by SIGKILL: who has opened anything there is cut off.
    public func killClient() throws { try server.tell("cut") }

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
                end() { kill -KILL $mounts $mds 2>/dev/null; umount -l cephfs plain 2>/dev/null; wait 2>/dev/null; }
                fail() { echo "$1; install ceph-mds and ceph-fuse; last words: $(tail -qn2 mds*.log mount-*.log | tr '\n' ' ')"; end; exit 1; }
                ask() { timeout 60 ceph "$@" 2>/dev/null; }
                { ask osd pool create cephfs-meta 8 8 && ask osd pool create cephfs-data 8 8 && ask fs new cephfs cephfs-meta cephfs-data; } >/dev/null || fail "no file system"
                { ask auth get-or-create mds.a mon 'allow profile mds' osd 'allow rwx' mds 'allow' >mds.keyring &&
                    ask auth get-or-create client.fs mon 'allow r' mds 'allow rwps' osd 'allow rw' >fs.keyring &&
                    ask auth get-or-create client.plain mon 'allow r' mds 'allow rw' osd 'allow rw' >plain.keyring; } || fail "no keys"
                begin() { ceph-mds -f -i a >/dev/null 2>&1 </dev/null & mds=$!; }
                begin
                active() { timeout 20 ceph mds stat 2>/dev/null | grep -q up:active; }
                await $mds active || fail "the metadata server does not become active"
                mounted() { grep -q " $PWD/$1 fuse.ceph-fuse " /proc/mounts; }
                for user in fs:cephfs plain:plain; do
                    ceph-fuse -f -n "client.${user%%:*}" -c fs.conf "$PWD/${user#*:}" >"mount-${user%%:*}.log" 2>&1 </dev/null & mounts="$mounts $!"
                    await $! mounted "${user#*:}" || fail "ceph-fuse does not mount"
                done
                chmod 777 cephfs
                echo ready
                while read -r verb; do
                    case $verb in
                    kill) kill -KILL $mds; wait $mds 2>/dev/null ;;
                    start) begin ;;
                    cut) set -- $mounts; kill -KILL $1; wait $1 2>/dev/null ;;
                    esac
                    echo "$verb"
                done
                end
                """#, [ceph.folder])
    }
}
