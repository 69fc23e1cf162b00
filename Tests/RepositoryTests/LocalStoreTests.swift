import Crypto
import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Testing

@Suite struct LocalStoreTests {
    private func store() async throws -> (Folder, LocalStore) {
        let folder = try Folder()
        let store = LocalStore(path: folder("repo"))
        try await store.create()
        try await store.create()
        return (folder, store)
    }

    @Test(arguments: [0, 1, 5000, 1 << 20, (3 << 20) + 17])
    func objectsOfEverySizeComeBack(size: Int) async throws {
        let (folder, store) = try await store()
        let bytes = noise(size, seed: 9)
        let name = ObjectName("data/ab/" + String(repeating: "ab", count: 32))
        try await store.put(name, bytes)
        #expect(try await store.get(name) == bytes)
        #expect(try await store.stat(name) == ObjectInfo(name: name, size: Int64(size)))
        if size > 100 { #expect(try await store.get(name, range: 7..<Int64(size - 3)) == Array(bytes[7..<size - 3])) }
        let error = try await #require(throws: StorageError.self) { try await store.get(name, range: 0..<Int64(size + 1)) }
        #expect(error.kind == .truncated)
        var status = stat()
        stat(folder("repo/" + name.text), &status)
        #expect(status.st_mode & 0o777 == 0o400)
        try await store.delete(name)
        try await store.delete(name)
        #expect(try await store.stat(name) == nil)
    }

    @Test func whatExistsIsNeverReplaced() async throws {
        let (folder, store) = try await store()
        try await store.put("config", [1])
        let error = try await #require(throws: StorageError.self) { try await store.put("config", [2]) }
        #expect(error.kind == .exists && error.retry == .lostRace)
        #expect(try await store.get("config") == [1])
        let left = try FileManager.default.contentsOfDirectory(atPath: folder("repo")).filter { $0.contains("tmp") }
        #expect(left.isEmpty, "no temporary file stays")
    }

    @Test func oneOfManyWritersWins() async throws {
        let (folder, store) = try await store()
        let won = await withTaskGroup(of: Bool.self) { group in
            for number in UInt8(0)..<16 { group.addTask { (try? await store.put("keys/x", [number])) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(won == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder("repo/keys")) == ["x"])
    }

    @Test func listsGoDeepAndPassOverForeignFiles() async throws {
        let (folder, store) = try await store()
        let ids = (0..<5).map { String(repeating: "\($0)\($0)", count: 32) }
        for id in ids { try await store.put(ObjectName("data/\(id.prefix(2))/\(id)"), [1, 2]) }
        try folder.write("repo/data/00/\(ids[0])-tmp-1", "half")
        #expect(Set(try await store.listIDs("data/").map(\.id.hex)) == Set(ids))
        #expect(try await store.listIDs("nothing/").isEmpty)
    }

    @Test func missingFoldersAndObjectsAreSaid() async throws {
        let store = LocalStore(path: "/nonexistent/repository")
        let error = try await #require(throws: StorageError.self) { try await store.get("config") }
        #expect(error.kind == .notFound && !error.advice.isEmpty)
        #expect(try await store.stat("config") == nil)
        let put = try await #require(throws: StorageError.self) { try await store.put("config", [1]) }
        #expect(put.kind == .notFound)
    }

    @Test(arguments: [
        (ENOSPC, ErrorKind.noSpace, Retryability.transient), (EDQUOT, .noSpace, .transient), (EACCES, .accessDenied, .permanent),
        (EROFS, .accessDenied, .permanent), (EEXIST, .exists, .lostRace), (ENOENT, .notFound, .permanent),
        (EMFILE, .unavailable, .transient),
        (EIO, .failed, .permanent),
    ])
    func errnosHaveMeanings(code: Int32, kind: ErrorKind, retry: Retryability) {
        let error = LocalError.of(code, at: "/x", doing: "something")
        #expect(error.kind == kind && error.retry == retry && error.location == "/x")
    }
}
