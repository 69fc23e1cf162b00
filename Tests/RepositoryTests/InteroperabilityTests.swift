import Foundation
import Repository
import Rigs
import StorageKit
import Testing

/// The stock restic program judges what we write, and we read what it writes.
@Suite struct InteroperabilityTests {
    /// Files of every size class, odd names, links and special files.
    static func fill(_ folder: Folder, _ name: String) throws {
        try folder.write("\(name)/empty", "")
        try folder.write("\(name)/small.txt", "hello")
        try folder.write("\(name)/sub/noise", Bench.noise(3_000_000, seed: 1))
        try folder.write("\(name)/sub/text", Bench.text(2_500_000, seed: 5))
        try folder.write("\(name)/sub/zeros", [UInt8](repeating: 0, count: 1_700_000))
        try folder.write("\(name)/sub/copy of noise", Bench.noise(3_000_000, seed: 1))
        try folder.write("\(name)/a \"b\\c<&>\u{e4}\u{ad}\u{2028}", "odd")
        try folder.write("\(name)/deep/er/and/deeper/file", "x")
        let root = folder(name)
        symlink("sub/noise", root + "/link")
        link(root + "/small.txt", root + "/hard")
        mkfifo(root + "/fifo", 0o640)
        mknod(root + "/device", S_IFCHR | 0o600, 259)
        chmod(root + "/small.txt", 0o4755)
        chmod(root + "/deep", 0o1777)
        let latin: [CChar] = (Array("\(root)/lat".utf8) + [0xE4]).map(CChar.init(bitPattern:)) + [0]
        let descriptor = open(latin, O_WRONLY | O_CREAT, 0o644)
        close(descriptor)
    }

    @Test func resticReadsChecksAndRestoresOurs() async throws {
        let bench = try await Bench()
        try Self.fill(bench.folder, "source")
        let source = bench.folder("source")
        let report = try await bench.repository.archive(FolderReader(source), ArchiveOptions(host: "h1", tags: ["t1"]))
        #expect(report.failures.isEmpty)
        try bench.restic.succeed("check", "--read-data")
        #expect(try bench.restic.succeed("ls", "latest").contains("\(source)/sub/noise"))
        try bench.restic.succeed("restore", "latest", "--target", bench.folder("theirs"))
        try Bench.expectEqual(source, bench.folder("theirs") + source)
        let restored = try await bench.repository.restore(report.snapshot, to: try FolderWriter(bench.folder("ours")))
        #expect(restored.failures.isEmpty && restored.warnings.isEmpty, "\(restored)")
        try Bench.expectEqual(source, bench.folder("ours") + source)
    }
}
