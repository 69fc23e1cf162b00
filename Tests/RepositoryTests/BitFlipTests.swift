import Crypto
import Basics
import Foundation
import Rigs
import StorageKit
import Testing

@testable import Repository

/// One bit of one object, anywhere: nothing is restored wrongly, and a check says so.
@Suite struct BitFlipTests {
    private struct Stored {
        let bench: Bench
        let snapshot: Snapshot
        /// Names below the repository.
        let objects: [String]

        func flipped(_ name: String, at position: Int) -> TamperedBytes {
            TamperedBytes(bench.store, name: ObjectName(name)) { $0[position] ^= 1 << (position % 8) }
        }
    }

    private func stored() async throws -> Stored {
        let bench = try await Bench()
        try bench.folder.write("source/a", noise(700, seed: 1))
        try bench.folder.write("source/b/text", Bench.text(900, seed: 2))
        let report = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        let names = try FileManager.default.subpathsOfDirectory(atPath: bench.folder("repo")).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: bench.folder("repo/\(name)"), isDirectory: &isFolder) && !isFolder.boolValue
        }
        return Stored(bench: bench, snapshot: report.snapshot, objects: names.sorted())
    }

    @Test func everyByteOfEveryPackIndexAndSnapshotIsGuarded() async throws {
        let stored = try await stored()
        let chosen = stored.objects.filter { !$0.hasPrefix("keys/") && $0 != "config" }
        #expect(Set(chosen.map { $0.prefix(while: { $0 != "/" }) }) == ["data", "index", "snapshots"])
        for name in chosen {
            let size = try Data(contentsOf: URL(fileURLWithPath: stored.bench.folder("repo/\(name)"))).count
            for position in Array(stride(from: 0, to: size, by: 11)) + [size - 1, size - 4, size - 5] {
                let repository = stored.bench.repository.reading(stored.flipped(name, at: position))
                let report = try await repository.check(CheckOptions(read: .all, lock: false))
                #expect(!report.isSound, "bit of byte \(position) of \(name)")
                guard name.hasPrefix("data/") else { continue }
                // The paths that are hit are those that can't be restored, no more and no fewer.
                let one = try await repository.check(CheckOptions(snapshot: stored.snapshot, read: .all, lock: false))
                #expect(!one.isSound)
                let folder = try Folder()
                do {
                    let restored = try await repository.restore(
                        stored.snapshot, to: FolderWriter(folder("out")), RestoreOptions(lock: false))
                    #expect(Set(restored.failures.map(\.path)) == Set(one.damagedPaths), "byte \(position) of \(name)")
                } catch is RepositoryError {  // the root itself
                    #expect(one.damagedPaths == [TreePath()])
                }
            }
        }
    }

    @Test func aKeyOrConfigThatIsDamagedOpensNothing() async throws {
        let stored = try await stored()
        for name in stored.objects where name.hasPrefix("keys/") || name == "config" {
            let size = try Data(contentsOf: URL(fileURLWithPath: stored.bench.folder("repo/\(name)"))).count
            for position in [0, 7, size / 2, size - 1] {
                let error = await #expect(throws: RepositoryError.self) {
                    try await Repository.open(stored.flipped(name, at: position), password: Array(Bench.password.utf8))
                }
                #expect(error?.kind == .damaged && error?.location.contains(name.prefix(4)) == true, "\(String(describing: error))")
            }
        }
    }

    @Test(arguments: ["truncated", "empty", "missing"]) func objectsThatAreNotWholeAreFound(_ fault: String) async throws {
        let stored = try await stored()
        for name in stored.objects where !name.hasPrefix("keys/") && name != "config" {
            let store = TamperedBytes(stored.bench.store, name: ObjectName(name), isMissing: fault == "missing") {
                $0 = fault == "empty" ? [] : Array($0.prefix($0.count / 2))
            }
            let report = try await stored.bench.repository.reading(store).check(
                CheckOptions(snapshot: name.hasPrefix("snapshots/") ? nil : stored.snapshot, lock: false))
            // A snapshot that is not there was never made, as far as anybody knows.
            #expect(report.isSound == (fault == "missing" && name.hasPrefix("snapshots/")), "\(fault) \(name)")
        }
    }
}

/// A store in which one object is not what was written.
private struct TamperedBytes: ObjectStore {
    let base: LocalStore
    let name: ObjectName
    let isMissing: Bool
    let change: @Sendable (inout [UInt8]) -> Void

    init(_ base: LocalStore, name: ObjectName, isMissing: Bool = false, _ change: @escaping @Sendable (inout [UInt8]) -> Void) {
        self.base = base
        self.name = name
        self.isMissing = isMissing
        self.change = change
    }

    private func tampered(_ name: ObjectName, _ bytes: [UInt8]) throws -> [UInt8] {
        guard name == self.name else { return bytes }
        guard !isMissing else { throw StorageError(.notFound, expected: "an object", found: "none", at: name.text) }
        var bytes = bytes
        change(&bytes)
        return bytes
    }

    var properties: ObjectStoreProperties { base.properties }
    func create() async throws { try await base.create() }
    func put(_ name: ObjectName, _ bytes: [UInt8]) async throws { try await base.put(name, bytes) }
    func delete(_ name: ObjectName) async throws { try await base.delete(name) }
    func get(_ name: ObjectName) async throws -> [UInt8] { try tampered(name, try await base.get(name)) }
    func get(_ name: ObjectName, range: Range<Int64>) async throws -> [UInt8] {
        guard name == self.name else { return try await base.get(name, range: range) }
        let all = try await get(name)
        guard range.upperBound <= Int64(all.count) else {
            throw StorageError(.truncated, expected: "\(range.upperBound) bytes", found: "\(all.count)", at: name.text)
        }
        return Array(all[Int(range.lowerBound)..<Int(range.upperBound)])
    }
    func list(prefix: String, _ page: @Sendable ([ObjectInfo]) async throws -> Void) async throws {
        try await base.list(prefix: prefix) { infos in
            var infos = infos
            if let index = infos.firstIndex(where: { $0.name == name }) {
                if isMissing { infos.remove(at: index) } else { infos[index].size = Int64(try await get(name).count) }
            }
            try await page(infos)
        }
    }
    func stat(_ name: ObjectName) async throws -> ObjectInfo? { try await base.stat(name) }
}
