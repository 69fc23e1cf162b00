import Basics
import Repository
import Rigs
import StorageKit
import Testing

/// Passwords come and go, and restic agrees on which ones open the repository.
@Suite struct KeyTests {
    private func restic(_ bench: Bench, _ password: String) throws -> ResticRig {
        try ResticRig(repository: bench.folder("repo"), password: password, cache: bench.folder("cache-\(password)"))
    }

    private func opens(_ bench: Bench, _ password: String) async throws -> Bool {
        do {
            _ = try await Repository.open(bench.store, password: Array(password.utf8))
            return true
        } catch let error as RepositoryError where error.kind == .wrongPassword {
            return false
        }
    }

    @Test func aSecondPasswordOpensItUntilItsKeyIsRemoved() async throws {
        let bench = try await Bench()
        let id = try await bench.repository.addKey(password: Array("second".utf8))
        #expect(try await bench.repository.keys().map(\.isCurrent) == [true, false])
        #expect(try await opens(bench, "second"))
        try await restic(bench, "second").succeed("check")
        try await bench.repository.removeKey(id)
        #expect(try await !opens(bench, "second"))
        #expect(try await opens(bench, Bench.password))
    }

    @Test func theKeyInUseStaysAndAnEmptyPasswordIsRefused() async throws {
        let bench = try await Bench()
        let own = try #require(try await bench.repository.keys().first)
        for id in [own.id, "ab", ""] {
            let error = await #expect(throws: RepositoryError.self) { try await bench.repository.removeKey(id) }
            #expect(error?.kind == .invalid)
        }
        await #expect(throws: RepositoryError.self) { _ = try await bench.repository.addKey(password: []) }
        #expect(try await bench.repository.keys() == [own])
    }

    @Test func aChangedPasswordReplacesTheOneInUse() async throws {
        let bench = try await Bench()
        _ = try await bench.repository.changePassword(to: Array("new".utf8))
        #expect(try await !opens(bench, Bench.password))
        #expect(try await opens(bench, "new"))
        try await restic(bench, "new").succeed("check")
    }

    @Test func keysOfResticAreListed() async throws {
        let bench = try await Bench()
        try bench.folder.write("other", "third\n")
        try await bench.restic.succeed("key", "add", "--new-password-file", bench.folder("other"))
        #expect(try await bench.repository.keys().count == 2)
        #expect(try await opens(bench, "third"))
    }

    @Test func statisticsTellWhatIsUsedAndWhatIsNot() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/a", noise(700_000, seed: 1))
        let first = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        let before = try await bench.repository.statistics()
        #expect(before.snapshots == 1 && before.keys == 1 && before.packs == 2)
        #expect(before.unusedBytes == 0 && before.usedPlainBytes > 700_000 && before.storedBytes > before.packBytes)
        try await bench.restic.succeed("forget", first.snapshot.id)
        let after = try await bench.repository.statistics()
        #expect(after.snapshots == 0 && after.usedBlobs == 0 && after.unusedBytes == before.usedStoredBytes)
    }
}
