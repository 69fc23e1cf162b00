import Basics
import Foundation
import Rigs

@testable import PostgreSQL

extension EmbeddedCluster {
    /// A cluster of a test's own. A disposable one is stopped and removed by its own watcher a second after the last lease, or when it is down.
    static func ofTest(_ name: String = "cluster", isDurable: Bool = false, isDisposable: Bool = true) throws -> EmbeddedCluster {
        let path = NSTemporaryDirectory() + "/snappy-flow-\(name)-\(UInt32.random(in: .min ... .max))"
        return try EmbeddedCluster(path: path, isDurable: isDurable, isDisposable: isDisposable, grace: .seconds(1))
    }

    /// Stops what a test left and removes it.
    func discard() async {
        _ = try? await down(force: true)
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Runs a line of shell as the server's user would, and returns what it printed.
    @discardableResult
    func asServer(_ line: String) async throws -> String {
        try await HostProgram.run((folder.user?.command([]) ?? []) + ["/bin/sh", "-ec", line])
    }

    /// Makes the cluster as earlier versions did, running: the whole folder is the server's user's, who trusts whoever comes; the everyday role is the
    /// superuser.
    func makeFormer(_ objects: String) async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if let user = folder.user { chown(path, user.userID, user.groupID) }
        let programs = try await ServerBinaries.choose(for: nil, folder: path)
        try await asServer(
            """
            cd '\(path)'
            mkdir -m 700 '\(folder.socketFolder)'
            '\(programs.program("initdb"))' -D data -U snappy_flow -E UTF8 --locale=C.UTF-8 --auth-local=trust \\
                --auth-host=reject --no-sync >initdb.log
            echo "include_if_exists = 'snappy-flow.conf'" >>data/postgresql.conf
            echo "work_mem = '5MB'" >>data/postgresql.conf
            printf "listen_addresses = ''\\nunix_socket_directories = '\(folder.socketFolder)'\\nfsync = off\\n" >data/snappy-flow.conf
            touch control.lock users.lock watcher.lock keep
            '\(programs.program("pg_ctl"))' start -w -t 60 -s -D data -l server.log
            """)
        var settings = settings
        settings.database = "postgres"
        try await Connection.connect(settings).execute(script: "CREATE DATABASE snappy_flow")
        try await Connection.connect(self.settings).execute(script: objects)
    }
}
