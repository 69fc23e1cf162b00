public import Basics
import Foundation
import Threads

/// A private sshd on loopback that lets this user in with one key, to its sftp subsystem: one for the test process.
public final class SSHRig: Sendable {
    public let port: Int
    private let scratch: ScratchFolder
    private let server: KeptProgram

    private static let shared = Task { try await BlockingPool(label: "ssh-rig", width: 1).run { try SSHRig() } }
    public static func running() async throws -> SSHRig { try await shared.value }

    /// The settings of an `sftp` repository in a folder of this machine.
    public func settings(_ path: String) -> [String: JSONValue] {
        [
            "host": "127.0.0.1", "port": .int(Int64(port)), "user": .string(NSUserName()), "path": .string(path),
            "identityFile": .string(identity), "knownHosts": .string(knownHosts),
        ]
    }
    public var identity: String { scratch.file("key") }
    public var knownHosts: String { scratch.file("known") }
    /// A key that the server does not know.
    public var strangersIdentity: String { scratch.file("stranger") }
    /// Known hosts in which the server has another key.
    public var wrongHosts: String { scratch.file("wrong") }

    private init() throws {
        scratch = try ScratchFolder("ssh")
        port = try KeptProgram.freePort()
        server = try KeptProgram(
            KeptProgram.prelude + """
                cd "$1" || exit 1
                umask 077
                fail() { echo "$1; install openssh-server and openssh-client; last words: $(tail -n2 sshd.log)"; kill $server 2>/dev/null; exit 1; }
                for key in host other key stranger; do ssh-keygen -q -t ed25519 -N '' -f $key || fail "no keys"; done
                cp key.pub authorized
                echo "[127.0.0.1]:$2 $(cat host.pub)" >known
                echo "[127.0.0.1]:$2 $(cat other.pub)" >wrong
                cat >sshd.conf <<CONF
                ListenAddress 127.0.0.1:$2
                HostKey $1/host
                AuthorizedKeysFile $1/authorized
                PidFile none
                StrictModes no
                UsePAM no
                PasswordAuthentication no
                KbdInteractiveAuthentication no
                PermitRootLogin prohibit-password
                MaxStartups 100
                MaxSessions 100
                Subsystem sftp internal-sftp
                CONF
                [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
                "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f sshd.conf >sshd.log 2>&1 </dev/null & server=$!
                await $server listens $2 || fail "sshd does not listen"
                echo ready
                cat >/dev/null
                stop $server
                """, [scratch.path, "\(port)"])
    }
}
