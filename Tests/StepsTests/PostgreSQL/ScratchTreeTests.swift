import Foundation
import PostgreSQL
import Rigs
import Testing

@testable import Steps

/// Whose a restored cluster is while root and the server's user work in it by turns.
@Suite(.enabled(if: geteuid() == 0)) struct ScratchTreeTests {
    private func status(_ path: String) -> stat {
        var status = stat()
        lstat(path, &status)
        return status
    }

    @Test func aTreeIsLentAndGivenWithoutWhatLeadsOut() async throws {
        let user = try #require(try ServerUser.current())
        let folder = try ScratchFolder("tree")
        chmod(folder.path, 0o711)
        let (tree, secret) = (folder.file("tree"), folder.file("secret"))
        try "root's own".write(toFile: secret, atomically: true, encoding: .utf8)
        chmod(secret, 0o600)
        // As a snapshot of a hostile host brings it, or as a process of the user's leaves it between two looks.
        try await HostProgram.run([
            "sh", "-ec",
            """
            mkdir -p '\(tree)/data/base'; cd '\(tree)/data'
            echo 15 >PG_VERSION; cp /bin/true root-shell; chown 12345 PG_VERSION base; chmod 6777 root-shell
            ln -s '\(secret)' link; ln '\(secret)' base/second; mknod base/disk b 7 200; mkfifo pipe
            """,
        ])
        let scratch = ScratchTree(path: tree, user: user)
        func asUser(_ line: String) async throws { _ = try await HostProgram.run(user.command(["sh", "-ec", line])) }
        try scratch.lend()
        for name in ["", "/data", "/data/base", "/data/PG_VERSION", "/data/root-shell"] {
            #expect(status(tree + name).st_uid == 0 && status(tree + name).st_mode & 0o7027 == 0, "\(name)")
        }
        try await asUser("cat '\(tree)/data/PG_VERSION'")
        await #expect(throws: (any Error).self) { try await asUser("mv '\(tree)/data/base' '\(tree)/data/other'") }
        await #expect(throws: (any Error).self) { try await asUser("echo >>'\(tree)/data/PG_VERSION'") }

        try scratch.give()
        for name in ["", "/data", "/data/base", "/data/PG_VERSION"] { #expect(status(tree + name).st_uid == user.userID, "\(name)") }
        try await asUser("mv '\(tree)/data/base' '\(tree)/data/other'; ln -sfn '\(folder.path)' '\(tree)/data/base'")
        // Another copy's trial looks at the same tree.
        try scratch.lend()
        try scratch.give()
        #expect(status(secret).st_uid == 0 && status(secret).st_mode & 0o7777 == 0o600)
        #expect(status(folder.path).st_uid == 0)
        #expect(!FileManager.default.fileExists(atPath: tree + "/data/other/disk"), "a disk is nobody's to have")
    }
}
