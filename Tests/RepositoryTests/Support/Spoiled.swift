import Crypto
import Foundation
import Rigs
import StorageKit

@testable import Repository

/// A small repository of several snapshots, packs and indexes, of which each case spoils a copy of its own.
struct Spoiled: Sendable {
    let folder: Folder
    let store: LocalStore
    let repository: Repository

    /// A copy of what `template` holds.
    init(_ template: Bench) async throws {
        folder = try Folder()
        try FileManager.default.copyItem(atPath: template.folder("repo"), toPath: folder("repo"))
        store = LocalStore(path: folder("repo"))
        repository = try await Repository.open(store, password: Array(Bench.password.utf8))
    }

    /// Four backups of a folder that changes: about eight packs and four indexes, some tens of kilobytes.
    static func template() async throws -> Bench {
        let bench = try await Bench()
        for round in 0..<4 {
            for number in 0..<3 {
                try bench.folder.write(
                    "source/folder\(number)/\(round)", noise(3000 + 700 * number, seed: UInt64(round * 10 + number + 1)))
            }
            try bench.folder.write("source/same", Bench.text(2000, seed: 5))
            try bench.folder.write("source/changing", noise(1500, seed: UInt64(round + 90)))
            _ = try await bench.repository.archive(FolderReader(bench.folder("source"), logicalPath: "/source"), ArchiveOptions(host: "h"))
        }
        return bench
    }

    // MARK: spoiling

    func ids(_ prefix: String) async throws -> [ObjectID] { try await store.listIDs(prefix).map(\.id).sorted() }

    func path(_ name: ObjectName) -> String { folder("repo/\(name)") }

    func change(_ name: ObjectName, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
        body(&bytes)
        try FileManager.default.removeItem(atPath: path(name))
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    }

    func remove(_ name: ObjectName) throws { try FileManager.default.removeItem(atPath: path(name)) }

    /// Puts each under the other's name.
    func swap(_ one: ObjectName, _ other: ObjectName) throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path(one)))
        try change(one) { $0 = [UInt8]((try? Data(contentsOf: URL(fileURLWithPath: path(other)))) ?? Data()) }
        try change(other) { $0 = [UInt8](bytes) }
    }

    /// Bytes of the header at a pack's end, its length's four included.
    func headerBytes(_ name: ObjectName) throws -> Int {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
        return bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) } + 4
    }

    func packs() async throws -> [IndexedPack] {
        var packs: [IndexedPack] = []
        try await repository.files.loadAll(ObjectNames.index, try await ids(ObjectNames.index)) { _, json in
            packs += try IndexFile(decoding: json, at: "index").packs
        }
        return packs.sorted { $0.id < $1.id }
    }

    // MARK: looking

    /// Every file that comes back whole, by the snapshot that it was first stored in and its path: its hash.
    func restorable() async throws -> [String: String] {
        var found: [String: String] = [:]
        for snapshot in try await repository.snapshots() {
            let target = try Folder()
            guard let report = try? await repository.restore(snapshot, to: FolderWriter(target("out")), RestoreOptions(lock: false)) else {
                continue
            }
            let failed = Set(report.failures.map { $0.path.description })
            for name in try FileManager.default.subpathsOfDirectory(atPath: target("out")) where !failed.contains(name) {
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: target("out/\(name)"), isDirectory: &isFolder), !isFolder.boolValue else {
                    continue
                }
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: target("out/\(name)"))))
                found["\((snapshot.original ?? snapshot.id).prefix(8))/\(name)"] = SHA256.hex(bytes)
            }
        }
        return found
    }
}
