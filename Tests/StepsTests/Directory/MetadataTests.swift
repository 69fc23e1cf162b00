import FlowModel
import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Repository
@testable import Steps

/// All that POSIX knows of a file, stored and restored by either program. Root alone can make devices and other people's files.
@Suite struct MetadataTests {
    private func shell(_ script: String, in folder: String) async throws -> String {
        try await HostProgram.run(["bash", "-euc", script], in: folder)
    }

    private func makeNastyTree(_ path: String) async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        _ = try await shell(
            """
            mkdir -p plain/inner acl sticky; chmod 1777 sticky; chmod 2750 plain
            echo one > plain/one; ln plain/one plain/inner/again; ln plain/one elsewhere
            printf 'x' > setuid; chmod 6711 setuid
            mkfifo pipe; chmod 606 pipe; mknod null c 1 3; mknod disk b 7 200; ln null also-null
            truncate -s 9M holes; printf 'in the middle' | dd of=holes bs=1 seek=5000000 conv=notrunc status=none
            ln -s one link; ln -s $'not \\xff\\xfe utf-8' odd-link; ln -s '<&>"\\' html-link; ln -s "$(printf 'x%.0s' $(seq 1000))" long-link
            for name in $'new\\nline' $'tab\\t' 'quote"' 'back\\slash' $'\\u2028' $'\\u00ad' $'\\x01' $'lat\\xe4n' '<&>' '名前' $'\\u00e4' $'a\\u0308' '...' ' '; do echo "$name" > "$name"; done
            : > empty; setfattr -n user.text -v 'some text' empty; setfattr -n user.binary -v 0x00ff10 empty; setfattr -n user.empty empty
            setfattr -n user.folder -v on plain; setfattr -n trusted.mine -v secret plain/one
            setcap cap_net_bind_service=ep setuid
            setfacl -m u:12345:rw,g:daemon:r acl; setfacl -d -m u:12345:rwx acl; echo in > acl/file; setfacl -m u:nobody:w acl/file
            chown 12345:54321 plain/inner; chown -h 1:2 link; chown 1:1 pipe
            touch -h -d '1999-12-31 23:59:59.999999999 UTC' link; touch -d '1901-12-14 00:00:00.123456789 UTC' empty
            touch -d '1969-12-31 23:59:59.5 UTC' pipe; touch -d '2107-08-09 10:11:12.000000001 UTC' setuid; touch -d '1970-01-01 UTC' null
            touch -d '2001-02-03 04:05:06.7 UTC' plain acl sticky
            """, in: path)
    }

    /// One line a file with everything that must be the same; link targets and names as bytes.
    private func portrait(_ path: String) async throws -> Set<String> {
        let lines = try await shell(
            """
            find . -mindepth 1 \\( -type d -printf '%p|%y|%m|%U:%G|%T@|' -o -printf '%p|%y|%m|%U:%G|%T@|%s|%n|%l|' \\) -exec sh -c '
                if [ -f "$1" ] && [ ! -L "$1" ]; then sha256sum < "$1" | head -c 16; fi
                if [ -b "$1" ] || [ -c "$1" ]; then stat -c %t:%T "$1" | tr -d "\\n"; fi
                printf "|"; getfattr --absolute-names -h -d -m - -e hex "$1" 2> /dev/null | grep = | sort | tr "\\n" ";"
                printf "\\0"' sh {} ';' | tr '\\n\\0' '\\001\\n' | cat -v | sort
            """, in: path)
        return Set(lines.split(separator: "\n").map(String.init))
    }

    private func stage() async throws -> StepStage {
        try #require(geteuid() == 0, "needs root: devices, owners, capabilities")
        let stage = try StepStage()
        stage.declare(repository: "vault")
        try stage.declare(system: "tree", "directory", ["path": .string(stage.folder.file("tree"))])
        try await makeNastyTree(stage.folder.file("tree"))
        return stage
    }

    @Test func oursIsWhatResticAndWeRestore() async throws {
        let stage = try await stage()
        let tree = stage.folder.file("tree")
        let original = try await portrait(tree)
        #expect(original.count > 30)
        let copy = try await stage.run("copy", id: "copy", .systems(["tree"]), ["to": "vault"])
        #expect(copy.missed == [])
        try stage.declare(system: "target", "directory", ["path": .string(stage.folder.file("ours"))])
        let restored = try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        #expect(restored.outputs["warnings"] == 0, "\(stage.recorder.lines)")
        #expect(try await portrait(stage.folder.file("ours")).symmetricDifference(original) == [])
        // Holes are holes.
        #expect(try #require(Int(try await shell("stat -c %b holes", in: stage.folder.file("ours")).filter(\.isNumber))) < 400)

        let restic = try stage.restic("vault")
        try await restic.succeed("check", "--read-data")
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("theirs"))
        let theirs = try await portrait(stage.folder.file("theirs") + tree)
        // What restic 0.14 loses: hard links of devices, and the target of a link that is not UTF-8.
        let differing = theirs.symmetricDifference(original).filter { !$0.contains("null|") && !$0.contains("odd-link|") }
        #expect(differing == [])
    }

    @Test func resticsIsWhatWeRestore() async throws {
        let stage = try await stage()
        let tree = stage.folder.file("tree")
        let restic = try stage.restic("vault")
        try await restic.succeed("init")
        try await restic.succeed("backup", tree)
        try await restic.succeed("restore", "latest", "--target", stage.folder.file("theirs"))
        try stage.declare(system: "target", "directory", ["path": .string(stage.folder.file("ours"))])
        try await stage.run("restore", id: "restore", .snapshot("latest"), ["from": "vault", "to": "target"])
        let ours = try await portrait(stage.folder.file("ours"))
        #expect(
            ours.symmetricDifference(try await portrait(stage.folder.file("theirs") + tree)).filter { !$0.contains("null|") } == [])
        // And we, on top of it, store no data: the same files in the same pieces.
        let copy = try await stage.run("copy", id: "copy", .systems(["tree"]), ["to": "vault"])
        let summary = try #require(try await stage.store("vault").snapshots().last?.summary)
        #expect(summary.dataBlobs == 0 && copy.missed == [])
        // Folders are new once, for their device number is ours and stable; then never again while nothing happens.
        try await stage.run("copy", id: "again", .systems(["tree"]), ["to": "vault"])
        #expect(try await stage.store("vault").snapshots().last?.summary?.treeBlobs == 0)
    }
}
