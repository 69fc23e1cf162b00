import Basics
import Crypto
import FlowModel
import Foundation
import Repository
import Rigs
import StorageKit
import Synchronization
import Testing

@testable import Steps

extension StoreCheck {
    /// What every object store promises, whatever server is behind it.
    static let promises: [StoreCheck] = [
        StoreCheck("what is put comes back") { bench in
            let store = try await bench.made()
            for size in [0, 1, 4096, 1_000_003, 17 << 20] {
                let bytes = noise(size, seed: UInt64(size))
                let name = pack(bytes)
                try await store.put(name, bytes)
                #expect(try await store.get(name) == bytes, "\(size)")
                #expect(try await store.stat(name) == ObjectInfo(name: name, size: Int64(size)), "\(size)")
                if size > 100 {
                    for range in [0..<1, 7..<Int64(size - 3), Int64(size - 1)..<Int64(size), 50..<50] as [Range<Int64>] {
                        #expect(try await store.get(name, range: range) == Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
                    }
                }
                let error = try await #require(throws: StorageError.self) { try await store.get(name, range: 0..<Int64(size + 1)) }
                #expect(error.kind == .truncated, "\(error)")
                let beyond = try await #require(throws: StorageError.self) {
                    try await store.get(name, range: Int64(size + 10)..<Int64(size + 20))
                }
                #expect(beyond.kind == .truncated, "\(beyond)")
            }
        },
        StoreCheck("what is not there is said") { bench in
            let store = try await bench.made()
            let name = pack([1])
            let error = try await #require(throws: StorageError.self) { try await store.get(name) }
            #expect(error.kind == .notFound && error.retry != .transient, "\(error)")
            let part = try await #require(throws: StorageError.self) { try await store.get(name, range: 0..<1) }
            #expect(part.kind == .notFound, "\(part)")
            #expect(try await store.stat(name) == nil)
            try await store.delete(name)
            #expect(try await all(store, "data/").isEmpty)
            #expect(try await all(store, "snapshots/").isEmpty)
        },
        StoreCheck("a store is made once") { bench in
            let store = try await bench.open()
            #expect(try await store.stat("config") == nil, "asking makes nothing")
            try await store.create()
            try await store.put("config", [1, 2, 3])
            try await store.create()
            #expect(try await bench.open().get("config") == [1, 2, 3])
        },
        // What a store says of itself is what its server does.
        StoreCheck("whether nothing is replaced is said") { bench in
            let store = try await bench.made()
            try await store.put("config", [1])
            #expect(store.properties.createOnlyIsAtomic == (bench.sample.createsOnce && bench.sample.isKnownToCreateOnce))
        },
        StoreCheck("nothing is replaced", where: \.createsOnce) { bench in
            let store = try await bench.made()
            try await store.put("config", [1])
            let error = try await #require(throws: StorageError.self) { try await store.put("config", [2]) }
            #expect(error.kind == .exists && error.retry == .lostRace, "\(error)")
            #expect(try await store.get("config") == [1])
            let won = await withTaskGroup(of: Bool.self) { group in
                for number in UInt8(0)..<16 {
                    group.addTask {
                        let (name, bytes) = bench.sample.namesAreContents ? (pack([7]), [7]) : ("keys/contended", [number])
                        return (try? await store.put(name, bytes)) != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(won == 1)
        },
        StoreCheck("lists are whole and go deep") { bench in
            let store = try await bench.made()
            // More than one page of any server.
            var expected: [ObjectInfo] = []
            for number in 0..<1100 {
                let bytes = Array("\(number)".utf8)
                expected.append(ObjectInfo(name: pack(bytes), size: Int64(bytes.count)))
            }
            let infos = expected
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask {
                        for index in stride(from: lane, to: infos.count, by: 8) {
                            try await store.put(infos[index].name, Array("\(index)".utf8))
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await store.put(ObjectName("keys/" + SHA256.digest([7]).hex), [7])
            try await store.put("config", [9])
            #expect(Set(try await all(store, "data/")) == Set(expected))
            #expect(try await all(store, "data/").count == expected.count)
            #expect(try await all(store, "keys/").map(\.size) == [1])
            #expect(try await all(store, "locks/").isEmpty)
            try await store.delete(infos[0].name)
            try await store.delete(infos[0].name)
            #expect(try await all(store, "data/").count == expected.count - 1)
        },
        StoreCheck("many at once are served") { bench in
            let store = try await bench.made()
            let bodies = (1...24).map { noise($0 * 100_000) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for bytes in bodies { group.addTask { try await store.put(pack(bytes), bytes) } }
                try await group.waitForAll()
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for bytes in bodies {
                    group.addTask {
                        #expect(try await store.get(pack(bytes)) == bytes)
                        try await store.delete(pack(bytes))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await all(store, "data/").isEmpty)
        },
        // What restic has no way to open is brought where it can: the objects are restic's own, by name and by content.
        StoreCheck("a repository only for us is a repository", where: { !$0.isResticsToo }) { bench in
            let store = try await bench.made()
            let stage = try StepStage()
            try stage.declare(repository: "vault", bench.sample.type, bench.settings)
            try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("data"))])
            try FileManager.default.createDirectory(atPath: stage.folder.file("data"), withIntermediateDirectories: true)
            try Data(noise(40_000_000)).write(to: URL(fileURLWithPath: stage.folder.file("data/large")))
            try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
            let repository = try await Repository.open(store, password: Array(StepStage.password.utf8))
            #expect(try await repository.check(CheckOptions(read: .all)).isSound)
            let copy = LocalStore(path: stage.folder.file("copy"))
            try await copy.create()
            for prefix in ["keys/", "index/", "snapshots/", "data/"] {
                for object in try await all(store, prefix) { try await copy.put(object.name, try await store.get(object.name)) }
            }
            try await copy.put("config", try await store.get("config"))
            try await stage.restic("copy").succeed("check", "--read-data")
            // No piece is left of what is removed.
            for prefix in ["keys/", "index/", "snapshots/", "data/"] {
                for object in try await all(store, prefix) { try await store.delete(object.name) }
            }
            try await store.delete("config")
            let left = try await bench.pieces()
            #expect(left.isEmpty, "\(left)")
        },
        // Ours writes, restic reads and writes, ours reads.
        StoreCheck("restic opens the same repository", where: \.isResticsToo) { bench in
            let stage = try StepStage()
            try stage.declare(repository: "vault", bench.sample.type, bench.settings)
            func write(_ path: String, _ bytes: [UInt8]) throws {
                let url = URL(fileURLWithPath: stage.folder.file(path))
                try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: url)
            }
            try write("data/a", noise(3_000_000))
            try write("data/deep/b", Array("small".utf8))
            try stage.declare(system: "home", "directory", ["path": .string(stage.folder.file("data"))])
            try await stage.run("copy", id: "copy", .systems(["home"]), ["to": "vault"])
            let restic = try bench.restic(password: StepStage.password)
            try await restic.succeed("check", "--read-data")
            try await restic.succeed("restore", "latest", "--target", stage.folder.file("theirs"))
            let judge = FileManager.default
            #expect(
                judge.contentsEqual(atPath: stage.folder.file("data"), andPath: stage.folder.file("theirs") + stage.folder.file("data")))
            try write("data/c", noise(200_000))
            try await restic.succeed("backup", stage.folder.file("data"), "--host", "theirs")
            try await stage.run("copy", id: "copy-2", .systems(["home"]), ["to": "vault"])
            try await restic.succeed("forget", "--keep-last", "1", "--host", "theirs", "--prune")
            let repository = try await Repository.open(try await bench.open(), password: Array(StepStage.password.utf8))
            let report = try await repository.check(CheckOptions(read: .all))
            #expect(report.isSound && report.snapshots == 3, "\(report.problems)")
            _ = try await repository.prune(PruneOptions(maximumUnused: nil))
            try await restic.succeed("check", "--read-data")
            #expect(try await all(try await bench.open(), "locks/").isEmpty)
        },
        StoreCheck("a cancelled request ends") { bench in
            let store = try await bench.made()
            let bytes = noise(1 << 20)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await store.put(pack(bytes), bytes)
            }
            // It may have been stored before anybody looked; whatever it is, it is whole or not there.
            _ = await task.result
            if let info = try await store.stat(pack(bytes)) {
                #expect(info.size == Int64(bytes.count))
                #expect(try await store.get(pack(bytes)) == bytes)
            }
        },
    ]
}

extension StoreCheck {
    /// Named as its content's hash, as a repository does it.
    private static func pack(_ bytes: [UInt8]) -> ObjectName {
        let id = SHA256.digest(bytes).hex
        return ObjectName("data/\(id.prefix(2))/\(id)")
    }

    private static func all(_ store: any ObjectStore, _ prefix: String) async throws -> [ObjectInfo] {
        let found = Mutex<[ObjectInfo]>([])
        try await store.list(prefix: prefix) { page in found.withLock { $0 += page } }
        return found.withLock { $0 }
    }
}
