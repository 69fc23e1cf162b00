import Crypto
import Basics
import Foundation
import Glibc
import PluginHost
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Repository
@testable import Steps

/// Holes are not read, and what is stored is what a reading would have given: the same blobs, cut in the same places. On tmpfs, which every Linux has,
/// and which tells its holes.
@Suite struct SparseFileTests {
    /// Removed with the object.
    private final class Place {
        let path = "/dev/shm/snappy-flow-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private func repository(_ folder: ScratchFolder) async throws -> Repository {
        try await Repository.create(on: LocalStore(path: folder.file("vault")), password: Array("p".utf8))
    }

    /// A file of `size` bytes with these bytes in it, and holes between them.
    private func make(_ path: String, size: Int64, _ parts: [(offset: Int64, bytes: [UInt8])]) throws {
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        for part in parts where part.offset < size {
            let bytes = part.bytes.prefix(Int(size - part.offset))
            #expect(bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(part.offset)) } == bytes.count)
        }
        try #require(ftruncate(file, off_t(size)) == 0)
    }

    /// Where a hole begins, ends, or is missed by a little; zeros that are written; chunks as short and as long as may be.
    private func fill(_ folder: String, seed: UInt64) throws {
        var random = SeededNumbers(state: seed)
        let (least, most) = (Int64(Chunker.minimum), Int64(Chunker.maximum))
        func near(_ value: Int64) -> Int64 { value + Int64.random(in: -70...70, using: &random) }
        try make(folder + "/hole", size: 20 << 20, [])
        try make(folder + "/short-hole", size: least - 1, [])
        try make(folder + "/least", size: least, [])
        try make(folder + "/byte-at-the-end", size: near(6 << 20), [(6 << 20 - 100, [1])])
        try make(folder + "/byte-at-the-start", size: near(6 << 20), [(0, [1])])
        // Data that is not cut before the longest chunk ends, then a hole within it.
        let dull = [UInt8](repeating: 7, count: Int(most) + 5000)
        try make(folder + "/longest", size: 30 << 20, [(0, dull)])
        try make(folder + "/longest-from-a-hole", size: 30 << 20, [(9 << 20, Array(dull.prefix(Int(near(most - 64)))))])
        let noise = Rigs.noise(8 << 19, seed: random.next())
        for number in 0..<5 {
            var parts: [(Int64, [UInt8])] = []
            var offset = Int64.random(in: 0...(2 << 20), using: &random)
            while offset < 16 << 20 {
                let count = Int(
                    [
                        Int64.random(in: 1...200, using: &random), near(least), near(64 << 10),
                        Int64.random(in: 1...(3 << 20), using: &random),
                    ]
                    .randomElement(using: &random) ?? 1)
                let isZero = Int.random(in: 0..<4, using: &random) == 0
                let from = Int.random(in: 0...(noise.count - count), using: &random)
                parts.append((offset, isZero ? [UInt8](repeating: 0, count: count) : Array(noise[from..<from + count])))
                let hole = [near(least), near(2 * least), near(4096 * 40), Int64.random(in: 1...(6 << 20), using: &random)]
                offset += Int64(count) + (hole.randomElement(using: &random) ?? 1)
            }
            try make(folder + "/mixture-\(number)", size: near(16 << 20), parts)
        }
    }

    @Test func whatIsStoredIsWhatAReadingGives() async throws {
        let (place, scratch) = (try Place(), try ScratchFolder())
        let seed: UInt64 = 27
        try fill(place.path, seed: seed)
        let repository = try await repository(scratch)
        let reader = try FolderReader(path: place.path)
        let readBytes = Mutex<UInt64>(0)
        var options = ArchiveOptions(host: "h", parent: .none)
        options.progress = { progress in readBytes.withLock { $0 = progress.bytesRead } }
        let sparse = try await repository.archive(reader, options)
        #expect(sparse.failures.isEmpty)
        let sparselyRead = readBytes.withLock { $0 }
        // Every byte is read, into another repository with the same polynomial and in one that has all blobs: trees are the same to the byte.
        let plain = try await repository.archive(PlainReader(base: reader), options)
        #expect(plain.snapshot.tree == sparse.snapshot.tree && plain.summary.dataBlobs == 0, "seed \(seed)")
        #expect(plain.summary.bytesProcessed == sparse.summary.bytesProcessed)
        #expect(
            readBytes.withLock { $0 } == plain.summary.bytesProcessed && sparselyRead < plain.summary.bytesProcessed * 3 / 4, "seed \(seed)"
        )

        // restic cuts and names them so, too.
        let restic = try ResticRig(repository: scratch.file("vault"), password: "p", cache: scratch.file("cache"))
        try await restic.succeed("backup", "--force", place.path)
        let theirs = try #require(try await repository.snapshots().last { $0.hostname != "h" })
        for name in try FileManager.default.contentsOfDirectory(atPath: place.path) {
            let (one, other) = (
                try await content(name, of: sparse.snapshot, in: place.path, repository),
                try await content(name, of: theirs, in: place.path, repository)
            )
            #expect(one == other, "\(name), seed \(seed)")
        }
        try await restic.succeed("check", "--read-data")

        // And what comes back is the same, with holes, and is known when it is there.
        let back = place.path + "-back"
        defer { try? FileManager.default.removeItem(atPath: back) }
        for round in 1...2 {
            let report = try await FolderTarget.withWriter(path: back, overwrite: false) {
                try await repository.restore(sparse.snapshot, to: $0, RestoreOptions(root: sparse.snapshot.restoreRoot))
            }
            #expect(report.failures.isEmpty, "round \(round), seed \(seed): \(report)")
        }
        try await HostProgram.run(["diff", "-r", place.path, back])
        #expect(try await HostProgram.run(["stat", "-c", "%b", back + "/hole"]) == "0\n")
    }

    /// The blobs of one of the folder's files.
    private func content(_ name: String, of snapshot: Snapshot, in folder: String, _ repository: Repository) async throws -> [ObjectID]? {
        let loader = BlobLoader(store: repository.store, key: repository.key, index: try await repository.loadIndex())
        var tree = try await loader.loadTree(try snapshot.treeID())
        for part in TreePath(folder).parts { tree = try await loader.loadTree(try #require(tree.node(named: part)?.subtree)) }
        return tree.node(named: FileName(name))?.content
    }

    @Test func aVastHoleCostsNothing() async throws {
        let (place, scratch) = (try Place(), try ScratchFolder())
        try make(place.path + "/vast", size: 8 << 30, [(4 << 30, Array("in the middle".utf8))])
        let repository = try await repository(scratch)
        let readBytes = Mutex<UInt64>(0)
        var options = ArchiveOptions(host: "h")
        options.progress = { progress in readBytes.withLock { $0 = progress.bytesRead } }
        let report = try await repository.archive(FolderReader(path: place.path), options)
        #expect(report.failures.isEmpty && report.summary.bytesProcessed == 8 << 30)
        #expect(readBytes.withLock { $0 } <= 2 << 20)
        #expect(report.summary.dataBlobs == 2)
        // Written zeros are read, and named once as well.
        try make(place.path + "/zeros", size: 9 << 20, [(0, [UInt8](repeating: 0, count: 9 << 20))])
        let again = try await repository.archive(FolderReader(path: place.path), options)
        #expect(again.summary.dataBlobs == 0 && again.summary.filesUnmodified == 1)
    }

    /// Read back after a restore, too: what a verification compares is what is there.
    @Test func aVastHoleIsNotReadBack() throws {
        let place = try Place()
        let ledger = WitnessLedger()
        let read = Mutex<Int>(0)
        let writer = WitnessWriter(base: try FolderWriter(path: place.path, overwrite: false), ledger: ledger)
        let (path, middle, bytes) = (TreePath("vast"), Int64(4 << 30), Array("in the middle".utf8))
        let file = try writer.createFile(path, size: 8 << 30)
        try bytes.withUnsafeBytes { try file.write($0, at: middle) }
        try file.finish()
        func differences() throws -> [String] {
            try ledger.compare(with: CountingReader(base: FolderReader(path: place.path)) { count in read.withLock { $0 += count } }) {
                false
            }
        }
        #expect(try differences() == [])
        #expect(read.withLock { $0 } <= 4 << 20)
        // What is no hole is looked at: before the data, behind it, and at the end.
        for offset: Int64 in [0, middle - 1, middle + 5000, (8 << 30) - 1] {
            let target = open(place.path + "/vast", O_RDWR)
            defer { close(target) }
            #expect(pwrite(target, "x", 1, off_t(offset)) == 1)
            #expect(try differences().count == 1, "\(offset)")
            #expect(pwrite(target, "\0", 1, off_t(offset)) == 1)
            #expect(try differences() == [], "\(offset)")
        }
    }

    /// A plug-in's process says where holes are; what is stored is the same.
    @Test func holesOfAPluginAreToldAndNotSent() async throws {
        let (place, scratch) = (try Place(), try ScratchFolder())
        try make(place.path + "/vast", size: 2 << 30, [(0, [1]), (1 << 30, Array("in the middle".utf8))])
        try make(place.path + "/small", size: 5000, [(100, [1])])
        try make(place.path + "/hole", size: 20 << 20, [])
        let repository = try await repository(scratch)
        let readBytes = Mutex<UInt64>(0)
        var options = ArchiveOptions(host: "h", parent: .none)
        options.progress = { progress in readBytes.withLock { $0 = progress.bytesRead } }
        let near = try await repository.archive(FolderReader(path: place.path), options)
        let bench = try await SampleBench(DirectorySample.self)
        let type = DirectoryType().hosted(in: HostCommand([FlowRig.binary, "host-plugin"]), timeout: { _ in .seconds(60) })
        let opened: any System = try await type.open(Settings(["path": .string(place.path)], origin: "hosted"), bench.opening)
        let far = try #require(opened as? any TreeSource)
        let same = options
        let report = try await far.withTree(of: nil, bench.context) { try await repository.archive($0, same) }
        #expect(report.failures.isEmpty && report.snapshot.tree == near.snapshot.tree)
        #expect(readBytes.withLock { $0 } <= 8 << 20, "\(readBytes.withLock { $0 })")
    }

    /// Written into, cut or lengthened while it is read: each byte that is stored was there at some moment, and the copy says that it changed.
    @Test(arguments: ["behind", "ahead", "appended", "cut", "emptied"])
    func aFileThatChangesWhileItIsRead(change: String) async throws {
        let (place, scratch) = (try Place(), try ScratchFolder())
        let path = place.path + "/file"
        let size: Int64 = 12 << 20
        let mark = [UInt8](repeating: 0x5A, count: 3000)
        try make(path, size: size, [(6 << 20, mark)])
        // Long ago: a change now is told by its time, however soon it comes.
        var times = [timespec](repeating: timespec(tv_sec: 1_000_000_000, tv_nsec: 0), count: 2)
        utimensat(AT_FDCWD, path, &times, 0)
        let repository = try await repository(scratch)
        let reader = ChangingReader(base: try FolderReader(path: place.path)) {
            let file = open(path, O_RDWR)
            defer { close(file) }
            switch change {
            case "behind": pwrite(file, mark, mark.count, 1 << 20)
            case "ahead": pwrite(file, mark, mark.count, 8 << 20)
            case "appended": pwrite(file, mark, mark.count, off_t(size))
            case "cut": ftruncate(file, 7 << 20)
            default: ftruncate(file, 0)
            }
        }
        let report = try await repository.archive(reader, ArchiveOptions(host: "h"))
        #expect(report.failures.map(\.error.kind) == [.changed])
        let back = scratch.file("back")
        _ = try await FolderTarget.withWriter(path: back, overwrite: false) {
            try await repository.restore(report.snapshot, to: $0, RestoreOptions(root: report.snapshot.restoreRoot))
        }
        let found = [UInt8](try Data(contentsOf: URL(fileURLWithPath: back + "/file")))
        var expected = [UInt8](repeating: 0, count: Int(size))
        func put(_ offset: Int) { expected.replaceSubrange(offset..<offset + mark.count, with: mark) }
        // It happened when the first hole had been passed.
        if change != "emptied" { put(6 << 20) }
        switch change {
        case "ahead": put(8 << 20)
        case "appended": expected += mark
        case "cut": expected.removeLast(5 << 20)
        case "emptied": expected.removeLast(6 << 20)
        default: break
        }
        #expect(found == expected)
    }

    /// Only what the kernel itself knows is believed.
    @Test func whoIsBelieved() throws {
        for type in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994] { #expect(FileHoles.areKnown(onFileSystem: type)) }
        // NFS, FUSE, ZFS, overlay, SMB, ceph, and no answer.
        for type in [0x6969, 0x6573_5546, 0x2FC1_2FC1, 0x794C_7630, 0xFE53_4D42, 0x00C3_6400, -1] {
            #expect(!FileHoles.areKnown(onFileSystem: type))
        }
        let (memory, kernel) = (open("/dev/shm", O_RDONLY), open("/proc/self/status", O_RDONLY))
        defer {
            close(memory)
            close(kernel)
        }
        #expect(FileHoles.areKnown(of: memory) && !FileHoles.areKnown(of: kernel))
        #expect(try SparseExtents.data(of: kernel, size: 100, at: "") == [0..<100])
    }

    /// Reads every byte.
    private struct PlainReader: TreeReader {
        let base: FolderReader
        var logicalPath: TreePath { base.logicalPath }
        func metadata(of path: TreePath) throws -> FileMetadata { try base.metadata(of: path) }
        func list(_ directory: TreePath) throws -> TreeListing { try base.list(directory) }
        func open(_ file: TreePath) throws -> any FileReader { File(base: try base.open(file)) }

        private final class File: FileReader {
            let base: any FileReader
            init(base: any FileReader) { self.base = base }
            func metadata() throws -> FileMetadata { try base.metadata() }
            func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try base.read(into: buffer) }
            func close() { base.close() }
        }
    }

    /// Counts what is read.
    private struct CountingReader: TreeReader {
        let base: FolderReader
        let count: @Sendable (Int) -> Void
        var logicalPath: TreePath { base.logicalPath }
        func metadata(of path: TreePath) throws -> FileMetadata { try base.metadata(of: path) }
        func list(_ directory: TreePath) throws -> TreeListing { try base.list(directory) }
        func open(_ file: TreePath) throws -> any FileReader { File(base: try base.open(file), count) }

        private final class File: FileReader {
            let base: any FileReader
            private let count: @Sendable (Int) -> Void
            init(base: any FileReader, _ count: @escaping @Sendable (Int) -> Void) { (self.base, self.count) = (base, count) }
            func metadata() throws -> FileMetadata { try base.metadata() }
            func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
                let read = try base.read(into: buffer)
                count(read)
                return read
            }
            func skipHole() throws -> Int64 { try base.skipHole() }
            func close() { base.close() }
        }
    }

    /// Something happens to a file when its first hole was passed.
    private struct ChangingReader: TreeReader {
        let base: FolderReader
        let change: @Sendable () -> Void
        var logicalPath: TreePath { base.logicalPath }
        func metadata(of path: TreePath) throws -> FileMetadata { try base.metadata(of: path) }
        func list(_ directory: TreePath) throws -> TreeListing { try base.list(directory) }
        func open(_ file: TreePath) throws -> any FileReader { File(base: try base.open(file), change) }

        private final class File: FileReader {
            let base: any FileReader
            private var change: (@Sendable () -> Void)?
            init(base: any FileReader, _ change: @escaping @Sendable () -> Void) { (self.base, self.change) = (base, change) }
            func metadata() throws -> FileMetadata { try base.metadata() }
            func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { try base.read(into: buffer) }
            func skipHole() throws -> Int64 {
                let hole = try base.skipHole()
                if hole > 0, let change {
                    self.change = nil
                    change()
                }
                return hole
            }
            func close() { base.close() }
        }
    }
}
