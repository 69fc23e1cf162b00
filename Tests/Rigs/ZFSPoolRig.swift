import Foundation
import Glibc
import Threads

/// A ZFS pool of the test's own in an image file, mounted until the object goes. The file system is zfs-fuse: a real, older ZFS that needs no
/// kernel module. Only root may have one: anybody else gets an error, which fails the test.
public final class ZFSPoolRig: Sendable {
    /// The pool and its first dataset.
    public let name: String
    /// Where that is mounted.
    public let path: String
    private let folder: ScratchFolder

    /// `path` is where it is mounted; in a folder of its own by default.
    public init(at path: String? = nil) async throws {
        guard geteuid() == 0 else { throw ResticRig.Failure(description: "a ZFS pool needs root; run the tests as root") }
        try await ZFSDaemon.running()
        folder = try ScratchFolder("zpool")
        name = "flow\(UInt32.random(in: .min ... .max))"
        self.path = path ?? folder.file("mount")
        let image = folder.file("image")
        guard FileManager.default.createFile(atPath: image, contents: nil), truncate(image, 256 << 20) == 0 else {
            throw ResticRig.Failure(description: "no room for a pool at \(image)")
        }
        // Nobody is to find it again after the daemon's end.
        try await HostProgram.run(["zpool", "create", "-o", "cachefile=none", "-m", self.path, name, image])
    }

    /// A pool with something mounted is busy.
    deinit {
        Self.run(
            "zfs list -H -r -t filesystem -o name \(name) | tac | while read -r one; do zfs unmount -f \"$one\"; done; n=0; until zpool destroy -f \(name) || [ $n = 30 ]; do n=$((n + 1)); sleep 0.1; done"
        )
    }

    private static func run(_ script: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return }
        process.waitForEnd()
    }
}

/// The one zfs-fuse of the machine: its socket is at a fixed place. It ends with the test process; another test process waits for that.
private enum ZFSDaemon {
    private static let shared = Task { try await BlockingPool(label: "zfs-rig", width: 1).run { try KeptProgram(script) } }

    static func running() async throws { _ = try await shared.value }

    private static let script =
        KeptProgram.prelude + """
            exec 9>/run/snappy-flow-test-zfs.lock
            flock -w 900 9 || { echo "another test process keeps zfs-fuse"; exit 1; }
            # The machine's own, where it runs one, serves as well.
            if zpool list >/dev/null 2>&1; then echo ready; cat >/dev/null; exit; fi
            mkdir -p /var/run/zfs /var/lock/zfs
            zfs-fuse --no-daemon >/dev/null 2>&1 9>&- &
            server=$!
            await $server zpool list || { echo "zfs-fuse does not answer; install the package zfs-fuse, end another one"; kill $server; exit 1; }
            echo ready
            cat >/dev/null
            # It does not end while anything of it is mounted, and not always then.
            unmount() { awk '$3 == "fuse.zfs" && $1 ~ /^flow[0-9]/ { print $2 }' /proc/mounts | while read -r place; do umount --lazy "$place"; done; }
            unmount
            stop $server
            unmount
            """
}
