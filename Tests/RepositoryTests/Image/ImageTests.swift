import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// Block images in a repository, with stock restic as the judge.
@Suite struct ImageTests {
    private static let mebibyte: Int64 = 1 << 20
    private let path = TreePath("blockdevice/srv/disk.img")

    private func store(
        _ image: MemoryImage, in bench: Bench, extent: ByteCount? = nil, since base: Snapshot? = nil, samples: Int? = nil,
        parent: ParentChoice = .automatic
    ) async throws -> (snapshot: Snapshot, image: ImageReport) {
        var options = ImageOptions(extent: extent, base: base.map { ImageBase(token: "any", snapshotID: $0.id) })
        options.samples = samples
        let report = try await bench.repository.archive(image: image, at: path, options, ArchiveOptions(host: "disk", parent: parent))
        #expect(report.failures.isEmpty)
        return (report.snapshot, try #require(report.image))
    }

    /// Both programs bring back what the image was, here over something else.
    private func expectRestored(_ snapshot: Snapshot, _ image: MemoryImage, in bench: Bench) async throws {
        let target = MemoryTarget(size: image.size)
        _ = try await bench.repository.restoreImage(snapshot, to: target)
        #expect(target.bytes == image.bytes && target.end == .finished)
        let folder = bench.folder("by-restic-\(snapshot.shortID)")
        try await bench.restic.succeed("restore", snapshot.id, "--target", folder)
        let found = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)"))
        #expect(Array(found) == image.bytes)
        #expect(try await bench.repository.compareImage(snapshot, with: image) == [])
    }

    private static func sample(size: Int64 = 40 * mebibyte + 12345) -> [Int64: [UInt8]] {
        [
            0: noise(3 << 20, seed: 1), 9 << 20: Bench.text(5 << 19, seed: 7), (20 << 20) + 70_000: noise(100, seed: 2),
            size - 4000: noise(4000, seed: 3),
        ]
    }

    @Test func anImageIsWhatBothProgramsRestore() async throws {
        let bench = try await Bench()
        let image = MemoryImage(size: 40 * Self.mebibyte + 12345, Self.sample())
        let (snapshot, report) = try await store(image, in: bench)
        #expect(snapshot.paths == ["/blockdevice/srv/disk.img"])
        #expect(report.extentSize == Self.mebibyte && report.extents == 41 && report.read == image.reads.count)
        // Nothing but extents that hold something was read, each once.
        #expect(image.reads.map { $0.lowerBound >> 20 } == [0, 1, 2, 9, 10, 11, 20, 40])
        try await bench.restic.succeed("check", "--read-data")
        try await expectRestored(snapshot, image, in: bench)

        // As a file among others, and a part of it in place.
        let folder = try Folder()
        _ = try await bench.repository.restore(
            snapshot, to: FolderWriter(folder("out")), RestoreOptions(root: TreePath(snapshot.paths[0])))
        #expect(Array(try Data(contentsOf: URL(fileURLWithPath: folder("out/disk.img")))) == image.bytes)
        let part = MemoryTarget(size: image.size)
        let range = (9 << 20) + 17..<(20 << 20) + 70_050
        let restored = try await bench.repository.restoreImage(snapshot, to: part, range: Int64(range.lowerBound)..<Int64(range.upperBound))
        #expect(part.bytes[range] == image.bytes[range] && restored.bytes == Int64(range.count))
        #expect(part.bytes[..<range.lowerBound].allSatisfy { $0 == 0xAA } && part.bytes[range.upperBound...].allSatisfy { $0 == 0xAA })
    }

    @Test func anIncrementReadsWhatChangedAndReusesTheRest() async throws {
        let bench = try await Bench()
        let size = 40 * Self.mebibyte + 12345
        let first = try await store(MemoryImage(size: size, Self.sample()), in: bench, samples: 0).snapshot
        var pieces = Self.sample()
        pieces[(9 << 20)] = Bench.text(5 << 19, seed: 7)
        pieces[15 << 20] = noise(10, seed: 9)
        pieces[0] = noise(1 << 20, seed: 1) + noise(2 << 20, seed: 4)
        let changed: [Range<Int64>] = [1 << 20..<3 << 20, 15 << 20..<(15 << 20) + 10]
        let image = MemoryImage(size: size, pieces, changed: changed)
        let (second, report) = try await store(image, in: bench, since: first, samples: 1000)
        #expect(report.read == 3 && report.reused == 38 && report.baseRefused == nil && report.sampled == 38)
        #expect(Set(image.reads.map { $0.lowerBound >> 20 }).isSuperset(of: [1, 2, 15]))
        // What it holds is asked of what changed alone.
        #expect(image.asked == [[1 << 20..<3 << 20, 15 << 20..<16 << 20]])
        #expect(second.parent == first.id)
        let summary = try #require(second.summary)
        #expect(summary.filesChanged == 1 && summary.dataBlobs == 3)
        try await expectRestored(second, image, in: bench)
        try await bench.restic.succeed("check", "--read-data")

        // What lost its blobs is read again though the source calls it unchanged: here everything.
        let same = MemoryImage(size: size, pieces, changed: [])
        #expect(try await store(same, in: bench, since: second).image.read == 0)
        #expect(same.reads.count == 8)  // the sample is never smaller where there is enough, nor larger where nothing changed
    }

    @Test func aSourceThatIsWrongIsNotBelieved() async throws {
        let bench = try await Bench()
        let first = try await store(MemoryImage(size: 8 * Self.mebibyte, [0: noise(8 << 20, seed: 1)]), in: bench).snapshot
        let liar = MemoryImage(size: 8 * Self.mebibyte, [0: noise(7 << 20, seed: 1) + noise(1 << 20, seed: 2)], changed: [])
        let (snapshot, report) = try await store(liar, in: bench, since: first)
        #expect(report.sourceWasWrong && report.baseRefused != nil && report.read == 8 && report.reused == 0)
        try await expectRestored(snapshot, liar, in: bench)
    }

    @Test func aBaseThatIsOfNoUseIsSaidToBe() async throws {
        let bench = try await Bench()
        let image = MemoryImage(size: 4 * Self.mebibyte, [0: noise(4 << 20, seed: 1)], changed: [])
        let first = try await store(image, in: bench).snapshot
        // Another extent size begins anew, and so does what follows.
        let other = try await store(image, in: bench, extent: .kibibytes(256), since: first)
        #expect(other.image.baseRefused != nil && other.image.extents == 16 && other.image.read == 16)
        let next = try await store(image, in: bench, since: other.snapshot)
        #expect(next.image.extentSize == 256 << 10 && next.image.reused == 16)
        // The source forgot.
        let forgot = try await store(MemoryImage(size: image.size, image.pieces), in: bench, since: first)
        #expect(forgot.image.baseRefused != nil && forgot.image.reused == 0)
        // Its snapshot was removed.
        try await bench.restic.succeed("forget", first.id)
        let gone = try await store(image, in: bench, since: first)
        #expect(gone.image.baseRefused != nil && gone.image.reused == 0)
        for wrong: Int64 in [1000, 32 << 10, 16 << 20, 3 << 20] {
            await #expect(throws: StorageError.self) { try await store(image, in: bench, extent: ByteCount(bytes: wrong)) }
        }
    }

    @Test func imagesGrowAndShrink() async throws {
        let bench = try await Bench()
        var before: Snapshot?
        for size in [5 * Self.mebibyte + 7, 9 * Self.mebibyte, 0, 3 * Self.mebibyte + 1, 1] as [Int64] {
            let bytes = Array(noise(9 << 20, seed: 5).prefix(Int(size)))
            let image = MemoryImage(size: size, size == 0 ? [:] : [0: bytes], changed: [])
            let (snapshot, _) = try await store(image, in: bench, since: before)
            try await expectRestored(snapshot, image, in: bench)
            before = snapshot
        }
        try await bench.restic.succeed("check", "--read-data")
    }

    /// A terabyte with next to nothing in it costs next to nothing.
    @Test func emptinessCostsNothing() async throws {
        let bench = try await Bench()
        let image = MemoryImage(size: 1 << 40, [0: noise(1000, seed: 1), 1 << 39: noise(1000, seed: 2)])
        let (snapshot, report) = try await store(image, in: bench)
        #expect(report.read == 2 && report.extents == 1 << 20)
        #expect(try #require(snapshot.summary).dataAdded < 60 << 20)
        let part = MemoryTarget(size: (1 << 20) + 5)
        _ = try await bench.repository.restoreImage(snapshot, to: part, range: 0..<(1 << 20) + 5)
        #expect(Array(part.bytes.prefix(1000)) == noise(1000, seed: 1) && part.bytes.dropFirst(1000).allSatisfy { $0 == 0 })
        try await bench.restic.succeed("check")
    }

    @Test func aDamagedBlobEndsARestore() async throws {
        let bench = try await Bench()
        let image = MemoryImage(size: 4 * Self.mebibyte, [0: noise(4 << 20, seed: 1)])
        let (snapshot, _) = try await store(image, in: bench)
        // Every pack of data loses a byte in its middle.
        for pack in try FileManager.default.subpathsOfDirectory(atPath: bench.folder("repo/data")) where pack.count > 60 {
            let place = bench.folder("repo/data/\(pack)")
            var bytes = try Data(contentsOf: URL(fileURLWithPath: place))
            guard bytes.count > 100_000 else { continue }
            bytes[bytes.count / 2] ^= 1
            try FileManager.default.removeItem(atPath: place)
            try bytes.write(to: URL(fileURLWithPath: place))
        }
        let target = MemoryTarget(size: image.size)
        await #expect(throws: RepositoryError.self) { try await bench.repository.restoreImage(snapshot, to: target) }
        #expect(target.end == .abandoned)
        #expect(try await bench.repository.imageDescription(of: snapshot)?.size == image.size)
    }

    /// A file that restic cut by content is an image too, restored by its offsets.
    @Test func aDiskThatResticStoredIsRestored() async throws {
        let bench = try await Bench()
        let bytes = noise(6 << 20, seed: 8) + [UInt8](repeating: 0, count: 5 << 20) + Bench.text(3 << 20, seed: 1)
        try FileManager.default.createDirectory(atPath: bench.folder("src"), withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: bench.folder("src/disk")))
        try await bench.restic.succeed("backup", bench.folder("src/disk"))
        let snapshot = try #require(try await bench.repository.snapshots().last)
        #expect(try await bench.repository.imageDescription(of: snapshot)?.size == Int64(bytes.count))
        let target = MemoryTarget(size: Int64(bytes.count))
        let report = try await bench.repository.restoreImage(snapshot, to: target)
        #expect(target.bytes == bytes && target.written <= 10 << 20)
        #expect(report.bytesWritten == Int64(target.written))
    }
}
