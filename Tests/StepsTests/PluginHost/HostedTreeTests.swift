import Basics
import Foundation
import Glibc
import Repository
import Rigs
import StepKit
import Steps
import StorageKit
import Testing
import Threads

@testable import PluginHost

/// A file tree read and restored in a child process is the same one: the `directory` system, through the protocol.
@Suite struct HostedTreeTests {
    private static let host = HostCommand([FlowRig.binary, "host-plugin"])

    /// As `directory`, under the same name: what is recorded is to be the same.
    private func hosted() -> any SystemType { DirectoryType().hosted(in: Self.host, timeout: { _ in .seconds(20) }) }

    private func open(_ type: any SystemType, _ path: String, _ bench: SampleBench) async throws -> any System {
        try await type.open(Settings(["path": .string(path)], origin: "hosted"), bench.opening)
    }

    /// What a protocol of text might lose: names that are no UTF-8, links, devices, attributes, odd times, sizes around the first part.
    private func fill(_ root: String) async throws {
        func make(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: root + "/" + name)) }
        try FileManager.default.createDirectory(atPath: root + "/deep/er", withIntermediateDirectories: true)
        for size in [0, 1, TreeMessage.firstPart - 1, TreeMessage.firstPart, TreeMessage.firstPart + 1, 3 * TreeMessage.firstPart + 7] {
            try make("deep/size-\(size)", (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) })
        }
        let odd: [UInt8] = Array(root.utf8) + Array("/od\u{0A}d ".utf8) + [0xFF, 0xFE] + [0]
        let file = odd.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { Glibc.open($0.baseAddress!, O_CREAT | O_WRONLY, 0o640) }
        #expect(file >= 0)
        Glibc.close(file)
        try make("attributes", Array("x".utf8))
        try await HostProgram.run(["setfattr", "-n", "user.bin", "-v", "0x00ff0a", root + "/attributes"])
        symlink("../nowhere", root + "/deep/er/link")
        mkfifo(root + "/fifo", 0o600)
        Glibc.link(root + "/attributes", root + "/deep/again")
        mknod(root + "/null", S_IFCHR | 0o666, 1 << 8 | 3)
        chmod(root + "/attributes", 0o4751)
        var times = [timespec(tv_sec: -5, tv_nsec: 7), timespec(tv_sec: 1_234_567_890, tv_nsec: 987_654_321)]
        utimensat(AT_FDCWD, root + "/attributes", &times, 0)
    }

    @Test func whatIsReadIsTheSame() async throws {
        let bench = try await SampleBench(DirectorySample.self)
        let root = bench.folder.file("tree")
        try await fill(root)
        let near = try #require(try await open(DirectoryType(), root, bench) as? any TreeSource)
        let far = try #require(try await open(hosted(), root, bench) as? any TreeSource)
        let repository = try await Repository.create(
            on: LocalStore(path: bench.folder.file("repository")), password: Array("p".utf8))
        var roots: [String] = []
        for (source, host) in [(near, "near"), (far, "far")] {
            let report = try await source.withTree(of: nil, bench.context) { reader in
                try await repository.archive(reader, ArchiveOptions(host: host))
            }
            #expect(report.failures.isEmpty, "\(report.failures)")
            #expect(!report.snapshot.tree.isEmpty)
            roots.append(report.snapshot.tree)
        }
        #expect(roots[0] == roots[1])
    }

    @Test func whatIsRestoredIsTheSame() async throws {
        let bench = try await SampleBench(DirectorySample.self)
        let root = bench.folder.file("tree")
        try await fill(root)
        let source = try #require(try await open(DirectoryType(), root, bench) as? any TreeSource)
        let repository = try await Repository.create(
            on: LocalStore(path: bench.folder.file("repository")), password: Array("p".utf8))
        let report = try await source.withTree(of: nil, bench.context) { try await repository.archive($0, ArchiveOptions(host: "h")) }
        let back = bench.folder.file("back")
        let far = try #require(try await open(hosted(), back, bench) as? any TreeDestination)
        #expect(try await far.isEmpty(bench.context) == open(DirectoryType(), back, bench).emptiness(bench.context))
        for overwrite in [false, true] {
            try await far.withTreeWriter(overwrite: overwrite, bench.context) { writer in
                _ = try await repository.restore(report.snapshot, to: writer, RestoreOptions(root: TreePath(root)))
            }
        }
        let listing = { (path: String) in
            try await HostProgram.run([
                "sh", "-c",
                "cd \"$1\" && find . ! -name . -printf '%y %m %U %G %n %s %T@ %l ' -print0 | sort -z | od -c && find . -type f -print0 | sort -z | xargs -0 sha256sum && getfattr -h -d -R -m - . && stat -c '%t %T %a' null",
                "sh", path,
            ])
        }
        #expect(try await listing(root) == listing(back))
        await #expect(throws: (any Error).self) {
            try await far.withTreeWriter(overwrite: false, bench.context) { writer in
                try await BlockingPool(label: "restoring", width: 1).run {
                    try writer.createFile(TreePath("attributes"), size: 3).abandon()
                }
            }
        }
    }

    /// What a child says of a file arrives as what it is.
    @Test func errorsKeepTheirKinds() async throws {
        let bench = try await SampleBench(DirectorySample.self)
        let far = try #require(try await open(hosted(), bench.folder.file("nowhere"), bench) as? any TreeSource)
        let error = await #expect(throws: StorageError.self) {
            try await far.withTree(of: nil, bench.context) { reader in
                try await BlockingPool(label: "reading", width: 1).run { _ = try reader.list(TreePath()) }
            }
        }
        #expect(error?.kind == .notFound && error?.location.contains("nowhere") == true, "\(String(describing: error))")
    }
}

extension System {
    fileprivate func emptiness(_ context: StepContext) async throws -> Bool? {
        try await (self as? any TreeDestination)?.isEmpty(context)
    }
}
