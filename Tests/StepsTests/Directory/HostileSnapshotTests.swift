import Crypto
import Basics
import Foundation
import Glibc
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Repository
@testable import Steps

/// Somebody who has the repository's key, or a hand in the target folder, must not reach beyond it.
@Suite struct HostileSnapshotTests {
    private struct Forge {
        let stage: StepStage
        let repository: Repository

        init() async throws {
            stage = try StepStage()
            repository = try await Repository.create(
                on: LocalStore(path: stage.folder.file("vault")), password: Array(StepStage.password.utf8))
        }

        /// A snapshot of trees that no honest program wrote.
        func snapshot(_ make: (inout PackWriter) async throws -> ObjectID) async throws -> Snapshot {
            var writer = PackWriter(files: repository.files)
            let root = try await make(&writer)
            try await writer.finish()
            var snapshot = Snapshot(time: .now, tree: root.hex, paths: ["/"], hostname: "mallory")
            snapshot.id = try await repository.files.save(ObjectNames.snapshots, snapshot.encoded).hex
            return snapshot
        }

        func restore(_ snapshot: Snapshot, overwrite: Bool = true) async throws -> RestoreReport {
            try await FolderTarget.withWriter(path: stage.folder.file("target"), overwrite: overwrite) {
                try await repository.restore(snapshot, to: $0)
            }
        }
    }

    private func node(_ name: String, _ type: String, mode: UInt32 = 0o644) -> Node {
        var node = Node(name: FileName(name), type: type)
        node.mode = type == "dir" ? 1 << 31 | 0o755 : mode
        if type == "file" { node.content = [] }
        return node
    }

    /// Who owns the folder that holds the staging folder can exchange what is in it.
    @Test(.enabled(if: geteuid() == 0)) func aStagedSnapshotOfSomebodyElseIsNone() async throws {
        let folder = try ScratchFolder("staging")
        let snapshot = SnapshotFolder(staging: folder.file("staging"), key: "key")
        let place = folder.file("outside")
        for path in [snapshot.whole, place + "/key"] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try SnapshotFolder.boot.write(toFile: path + "/mark", atomically: true, encoding: .utf8)
        }
        #expect(snapshot.isWhole)
        chown(snapshot.whole, 65534, 65534)
        #expect(!snapshot.isWhole)
        #expect(throws: StorageError.self) { _ = try SnapshotReader(snapshot, logicalPath: TreePath("home")) }
        // One of ours that a link leads to is not where it was made.
        try FileManager.default.removeItem(atPath: snapshot.whole)
        symlink(place + "/key", snapshot.whole)
        #expect(!snapshot.isWhole)
        try snapshot.remove()
        #expect(FileManager.default.fileExists(atPath: place + "/key/mark"))
        #expect(!FileManager.default.fileExists(atPath: snapshot.staging))
    }

    @Test func aLinkOfOneSnapshotIsNoWayOutForTheNext() async throws {
        let forge = try await Forge()
        let outside = try ScratchFolder("outside")
        try Data("precious".utf8).write(to: URL(fileURLWithPath: outside.file("evil")))
        let first = try await forge.snapshot { writer in
            var link = node("x", "symlink")
            link.linkTarget = Array(outside.path.utf8)
            var file = node("y", "symlink")
            file.linkTarget = Array(outside.file("evil").utf8)
            return try await writer.add(Tree(nodes: [link, file]))
        }
        #expect(try await forge.restore(first).failures.isEmpty)
        let second = try await forge.snapshot { writer in
            let content = try await writer.add(Tree(nodes: [node("evil", "file")]))
            var folder = node("x", "dir")
            folder.subtree = content
            return try await writer.add(Tree(nodes: [folder, node("y", "file", mode: 0o777)]))
        }
        // Without leave to overwrite nothing happens to the links, with it they go.
        #expect(try await forge.restore(second, overwrite: false).failures.count >= 2)
        #expect(try await forge.restore(second).failures.isEmpty)
        #expect(try String(contentsOfFile: outside.file("evil"), encoding: .utf8) == "precious")
        var found = stat()
        #expect(stat(outside.file("evil"), &found) == 0 && found.st_mode & 0o777 != 0o777)
        #expect(lstat(forge.stage.folder.file("target/x/evil"), &found) == 0 && found.st_mode & S_IFMT == S_IFREG)
    }

    /// The target is swapped for a link between the writing of a file and the setting of its mode.
    @Test func aLinkThatIsSwappedInIsNotFollowed() async throws {
        let folder = try ScratchFolder()
        let outside = try ScratchFolder("outside")
        try Data("precious".utf8).write(to: URL(fileURLWithPath: outside.file("secret")))
        chmod(outside.file("secret"), 0o600)
        try FileManager.default.createDirectory(atPath: folder.file("inner"), withIntermediateDirectories: true)
        let writer = try FolderWriter(path: folder.path, overwrite: true)
        let file = try writer.createFile(TreePath("inner/file"), size: 0)
        try file.finish()
        unlink(folder.file("inner/file"))
        #expect(symlink(outside.file("secret"), folder.file("inner/file")) == 0)
        let metadata = FileMetadata(
            kind: .file, permissions: 0o777, userID: geteuid(), groupID: getegid(), modified: FileTime(seconds: 1000),
            extendedAttributes: [ExtendedAttribute(name: "user.mine", value: [1])])
        #expect(throws: StorageError.self) { try writer.setMetadata(TreePath("inner/file"), metadata) }
        var found = stat()
        #expect(stat(outside.file("secret"), &found) == 0 && found.st_mode & 0o777 == 0o600 && found.st_mtim.tv_sec != 1000)
        #expect(try await HostProgram.run(["getfattr", "-d", outside.file("secret")]).isEmpty)
        // A folder on the way that became a link leads nowhere.
        rmdir(folder.file("inner"))
        unlink(folder.file("inner/file"))
        rmdir(folder.file("inner"))
        #expect(symlink(outside.path, folder.file("inner")) == 0)
        #expect(throws: StorageError.self) { try writer.createFile(TreePath("inner/planted"), size: 0) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == ["secret"])
    }

    @Test func foldersWithinFoldersWithoutEndAreNoCrash() async throws {
        let forge = try await Forge()
        let snapshot = try await forge.snapshot { writer in
            var id = try await writer.add(Tree(nodes: [node("bottom", "file")]))
            for _ in 0..<4000 {
                var folder = node("d", "dir")
                folder.subtree = id
                id = try await writer.add(Tree(nodes: [folder]))
            }
            return id
        }
        #expect(try await forge.repository.check(CheckOptions(snapshot: snapshot, read: .all)).isSound)
        var entries = 0
        try await forge.repository.browser().walk(snapshot) { _ in entries += 1 }
        #expect(entries == 4001)
        // What a path can't name is a failure, not an end.
        let report = try await forge.restore(snapshot)
        #expect(report.failures.count >= 1 && report.failures.count < 2100 && report.directories >= 1000)
    }

    @Test func absurdClaimsAreRefusedBeforeTheyCostAnything() async throws {
        let forge = try await Forge()
        let repository = forge.repository
        let honest = try await forge.snapshot { writer in
            let bytes = [UInt8](repeating: 7, count: 100_000)
            let key = BlobKey(kind: .data, id: SHA256.digest(bytes))
            try await writer.add(whole: key, bytes)
            var file = node("file", "file")
            file.content = [key.id]
            file.size = 100_000
            return try await writer.add(Tree(nodes: [file]))
        }
        #expect(try await repository.check(CheckOptions(read: .all)).isSound)
        let ids = try await repository.store.listIDs(ObjectNames.index).map(\.id)
        var packs: [IndexedPack] = []
        try await repository.files.loadAll(ObjectNames.index, ids) { _, json in packs += try IndexFile(decoding: json, at: "index").packs }
        for change: (inout PackedBlob) -> Void in [
            { $0.plainLength = .max }, { $0.plainLength = 1 << 29 }, { $0.length = .max - 10 }, { $0.offset = .max - 10 },
        ] as [(inout PackedBlob) -> Void] {
            var lies = packs
            for pack in lies.indices {
                for blob in lies[pack].blobs.indices where lies[pack].blobs[blob].key.kind == .data { change(&lies[pack].blobs[blob]) }
            }
            for (id, _) in try await repository.store.listIDs(ObjectNames.index) {
                try await repository.store.delete(ObjectName(ObjectNames.index + id.hex))
            }
            try await repository.files.save(ObjectNames.index, IndexFile(packs: lies).encoded)
            #expect(try await !repository.check(CheckOptions(read: .all)).isSound)
            let report = try await forge.restore(honest)
            #expect(report.failures.map { $0.path.description } == ["file"], "\(report)")
        }
    }

    /// A megabyte that becomes gigabytes.
    @Test func aBombIsNotOpened() async throws {
        let forge = try await Forge()
        let compressor = Compressor(level: 3)
        let zeros = [UInt8](repeating: 0x20, count: 64 << 20)
        let frame = zeros.withUnsafeBytes { Array(compressor.compress($0)) }
        // Frames that follow one another are one message: 32 GiB from a few megabytes.
        let bomb = [UInt8(2)] + Array(repeating: frame, count: 512).joined()
        let sealed = Sealer(forge.repository.key).seal(Array(bomb))
        let name = ObjectName(ObjectNames.index + SHA256.digest(sealed).hex)
        try await forge.repository.store.put(name, sealed)
        let report = try await forge.repository.check()
        #expect(report.problems.contains { $0.error.location.contains("index/") }, "\(report.problems)")
    }
}
