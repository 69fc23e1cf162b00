import Crypto
import Basics
import Foundation
import Glibc
import Rigs
import StorageKit
import Synchronization
import Testing

@testable import Repository

/// What a machine keeps of a repository's metadata: it saves reading, and nothing is believed of it.
@Suite struct MetadataCacheTests {
    /// Counts what is read of the store behind it.
    private final class CountingStore: ObjectStore {
        let base: LocalStore
        private let names = Mutex<[String]>([])
        init(_ base: LocalStore) { self.base = base }

        /// What was read since it was last asked, but for config, keys and locks.
        func reads() -> [String] {
            names.withLock { names in
                defer { names = [] }
                return names.filter { !$0.hasPrefix("config") && !$0.hasPrefix("keys/") && !$0.hasPrefix("locks/") }
            }
        }

        var properties: ObjectStoreProperties { base.properties }
        func create() async throws { try await base.create() }
        func put(_ name: ObjectName, _ bytes: [UInt8]) async throws { try await base.put(name, bytes) }
        func get(_ name: ObjectName) async throws -> [UInt8] {
            names.withLock { $0.append(name.text) }
            return try await base.get(name)
        }
        func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
            names.withLock { $0.append(name.text) }
            return try await base.get(name, range: range)
        }
        func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
            try await base.list(prefix: prefix, page)
        }
        func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
        func delete(_ name: ObjectName) async throws { try await base.delete(name) }
    }

    private struct CacheBench {
        let bench: Bench
        let store: CountingStore
        let folder: String
        let limit: Int64

        init(limit: Int64 = 64 << 20) async throws {
            bench = try await Bench()
            store = CountingStore(bench.store)
            folder = bench.folder("kept")
            self.limit = limit
            for number in 0..<60 {
                try bench.folder.write("source/\(number % 12)/\(number)", noise(4000, seed: UInt64(number + 1)))
            }
        }

        func open() async throws -> Repository {
            try await Repository.open(
                store, password: Array(Bench.password.utf8), cache: MetadataCachePlace(folder: folder, limit: limit))
        }

        func copy() async throws -> ArchiveReport {
            try await open().archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        }

        /// Every path of the newest snapshot.
        func listing() async throws -> [String] {
            let repository = try await open()
            let snapshot = try #require(try await repository.snapshots().max { $0.time < $1.time })
            var found: [String] = []
            try await repository.browser().walk(snapshot) { found.append("\($0.path) \($0.size)") }
            return found.sorted()
        }

        /// Files that are kept, without the tag.
        func kept() -> [String] {
            let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
            return names.map { folder + "/" + $0 }.filter { path in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
                    && !path.hasSuffix("CACHEDIR.TAG")
            }
        }
    }

    @Test func whatWasReadOnceIsNotReadAgain() async throws {
        let bench = try await CacheBench()
        _ = try await bench.copy()
        let first = try await bench.listing()
        #expect(first.count > 72)
        _ = bench.store.reads()
        #expect(try await bench.listing() == first)
        #expect(bench.store.reads() == [])
        // A copy in which little changed reads no tree of its parent's either.
        try bench.bench.folder.write("source/3/3", "changed")
        let second = try await bench.copy()
        #expect(second.summary.filesChanged == 1 && second.summary.filesUnmodified == 59)
        #expect(bench.store.reads() == [])
        // Another program's snapshot is seen, and only what is new is read.
        try await bench.bench.restic.succeed("backup", "--host", "h", bench.bench.folder("source"))
        #expect(try await bench.open().snapshots().count == 3)
        let reads = bench.store.reads()
        #expect(reads.count == 1 && reads.first?.hasPrefix("snapshots/") == true, "\(reads)")
        let id = try await bench.open().id
        let tag = try String(contentsOfFile: bench.folder + "/\(id)/CACHEDIR.TAG", encoding: .utf8)
        #expect(tag.hasPrefix("Signature: 8a477f597d28d172789f06886806bc55"))
    }

    @Test func whatIsForgottenIsGone() async throws {
        let bench = try await CacheBench()
        let report = try await bench.copy()
        _ = try await bench.listing()
        try await bench.open().forget([report.snapshot.id])
        #expect(try await bench.open().snapshots().isEmpty)
        #expect(!bench.kept().contains { $0.hasSuffix(report.snapshot.id) })
    }

    /// Bits that flipped, files cut short, files that are something else: all is read anew, and mended.
    @Test func aDamagedFileIsReadAnew() async throws {
        let bench = try await CacheBench()
        _ = try await bench.copy()
        let expected = try await bench.listing()
        let damages: [(Data) -> Data] = [
            {
                var data = $0; data[data.count / 2] ^= 1; return data
            }, { $0.prefix($0.count - 1) }, { _ in Data() },
        ]
        for damage in damages {
            #expect(bench.kept().count > 10)
            for path in bench.kept() { try damage(Data(contentsOf: URL(fileURLWithPath: path))).write(to: URL(fileURLWithPath: path)) }
            _ = bench.store.reads()
            #expect(try await bench.listing() == expected)
            #expect(!bench.store.reads().isEmpty)
            #expect(try await bench.listing() == expected)
            #expect(bench.store.reads() == [])
        }
    }

    @Test func itStaysWithinItsLimit() async throws {
        let bench = try await CacheBench(limit: 24 << 10)
        for number in 0..<8 {
            try bench.bench.folder.write("source/more/\(number)", "\(number)")
            _ = try await bench.copy()
            _ = try await bench.listing()
            let bytes = try bench.kept().reduce(0) { try $0 + Data(contentsOf: URL(fileURLWithPath: $1)).count }
            #expect(bytes <= 24 << 10 && bytes > 0, "\(bytes)")
        }
        try await bench.bench.restic.succeed("check", "--read-data")
    }

    @Test func aFolderThatCannotBeUsedCostsTimeOnly() async throws {
        let bench = try await CacheBench()
        try "in the way".write(toFile: bench.folder, atomically: true, encoding: .utf8)
        _ = try await bench.copy()
        #expect(try await bench.listing().count > 72)
        #expect(try String(contentsOfFile: bench.folder, encoding: .utf8) == "in the way")
    }

    /// A check says what the store holds.
    @Test func aCheckDoesNotBelieveIt() async throws {
        let bench = try await CacheBench()
        let report = try await bench.copy()
        let expected = try await bench.listing()
        let tree = try report.snapshot.treeID()
        let index = try await bench.open().loadIndex()
        let pack = try #require(index.locations(of: BlobKey(kind: .tree, id: tree)).first?.pack)
        let path = bench.bench.folder("repo") + "/\(ObjectNames.pack(pack))"
        chmod(path, 0o600)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for place in bytes.indices { bytes[place] ^= 0xFF }
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try await bench.listing() == expected, "what is kept is good")
        #expect(try await !bench.open().check(CheckOptions(read: .all)).problems.isEmpty)
        #expect(try await !bench.open().check().problems.isEmpty)
    }

    @Test func severalUseItAtOnce() async throws {
        let bench = try await CacheBench()
        _ = try await bench.copy()
        let expected = try await bench.bench.repository.snapshots().count
        try FileManager.default.removeItem(atPath: bench.folder)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let listing = try await bench.listing()
                    return listing.count
                }
            }
            let counts = try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            #expect(counts.count == 1)
        }
        #expect(expected == 1)
        #expect(!bench.kept().contains { ($0 as NSString).lastPathComponent.hasPrefix(".") })
    }
}
