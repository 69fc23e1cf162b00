import Crypto
import Basics
import Foundation
@testable import Repository
import Rigs
import StorageKit
import Testing

/// restic's lock protocol, ours against ours, ours against restic's.
@Suite struct LockTests {
    private func plant(_ bench: Bench, _ change: (inout LockFile) -> Void) async throws -> ObjectID {
        var lock = LockFile.own(.exclusive, at: .now)
        change(&lock)
        return try await bench.repository.files.save(ObjectNames.locks, lock.encoded)
    }

    /// A process id that was in use and is free now.
    private func deadProcess() throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/true")
        try process.run()
        process.waitUntilExit()
        return process.processIdentifier
    }

    @Test func whoHasPatienceWaitsForTheOtherProgram() async throws {
        let bench = try await Bench()
        let (waits, feed) = AsyncStream.makeStream(of: RepositoryError.self)
        let patient = try await Repository.open(
            bench.store, password: Array(Bench.password.utf8), patience: LockPatience(limit: .seconds(120)) { feed.yield($0) })
        let lock = try await plant(bench) { _ in }
        let error = await #expect(throws: RepositoryError.self) { try await bench.repository.check() }
        #expect(error?.kind == .locked, "without patience it is told at once")
        async let check = patient.check()
        for await error in waits {
            #expect(error.kind == .locked)
            break
        }
        try await bench.repository.files.delete(ObjectNames.locks, lock)
        #expect(try await check.isSound)
    }

    @Test func exclusiveExcludesAndSharedShares() async throws {
        let bench = try await Bench()
        let other = try await Repository.open(bench.store, password: Array(Bench.password.utf8))
        try await bench.repository.withLock(.shared) { _ in
            try await other.withLock(.shared) { #expect($0.mode == .shared) }
        }
        let elsewhere = Task { try await Repository.open(LocalStore(path: bench.folder("repo")), password: Array(Bench.password.utf8)) }
        let third = try await elsewhere.value
        try await bench.repository.withLock(.exclusive) { lock in
            try await bench.repository.withLock(.shared) { #expect($0 === lock, "our own operations use the lock that is held") }
            let refused = try await Task.detached { () -> RepositoryError? in
                do {
                    try await third.withLock(.shared) { _ in }
                    return nil
                } catch let error as RepositoryError { return error }
            }.value
            #expect(refused?.code == "locked" && refused?.retry == .transient)
        }
        #expect(try await bench.store.listIDs(ObjectNames.locks).isEmpty)
    }

    @Test func resticHonoursOurs() async throws {
        let bench = try await Bench()
        try bench.folder.write("source/file", "x")
        try await bench.repository.withLock(.exclusive) { _ in
            let backup = try await bench.restic.run(["backup", bench.folder("source")])
            #expect(backup.status != 0 && backup.errors.contains("already locked"), "\(backup)")
        }
        try await bench.repository.withLock(.shared) { _ in
            #expect(try await bench.restic.run(["prune"]).status != 0)
            try await bench.restic.succeed("backup", bench.folder("source"))
        }
        try await bench.restic.succeed("prune")
    }

    /// It probes our process with SIGHUP; we live, and so does the lock.
    @Test func resticUnlockLeavesALivingLock() async throws {
        let bench = try await Bench()
        try await bench.repository.withLock(.exclusive) { lock in
            try await bench.restic.succeed("unlock")
            #expect(try await bench.store.listIDs(ObjectNames.locks).map(\.id) == [lock.id])
        }
    }

    @Test func weHonourRestics() async throws {
        let bench = try await Bench()
        let held = try HeldBackup(bench)
        defer { held.end() }
        try await held.waitUntilLocked(bench.store)
        let error = try await #require(throws: RepositoryError.self) { try await bench.repository.prune() }
        #expect(error.code == "locked" && error.advice.contains("unlock"))
        #expect(try await bench.repository.removeLocks(all: false) == 0, "its process lives")
        try bench.folder.write("source/file", "x")
        _ = try await bench.repository.archive(FolderReader(bench.folder("source")), ArchiveOptions(host: "h"))
        held.end()
        #expect(held.status == 0)
        _ = try await bench.repository.prune()
        try await bench.restic.succeed("check")
    }

    @Test func locksOfTheDeadAreSweptAndOthersAreNot() async throws {
        let bench = try await Bench()
        let dead = try deadProcess()
        let ours = try await plant(bench) { $0.processID = dead }
        let old = try await plant(bench) { lock in
            lock.processSpace = "elsewhere"
            lock.time = GoTime(FileTime(seconds: FileTime.now.seconds - 1900))
        }
        try await bench.repository.withLock(.exclusive) { _ in }
        let left = try await bench.store.listIDs(ObjectNames.locks).map(\.id)
        #expect(!left.contains(ours) && !left.contains(old))
        // The same process id in another space proves nothing.
        let foreign = try await plant(bench) { lock in
            lock.processSpace = "elsewhere"
            lock.hostname = "other-host"
            lock.processID = dead
        }
        await #expect(throws: RepositoryError.self) { try await bench.repository.withLock(.shared) { _ in } }
        #expect(try await bench.repository.removeLocks(all: false) == 0)
        #expect(try await bench.store.listIDs(ObjectNames.locks).map(\.id) == [foreign])
        #expect(try await bench.repository.removeLocks(all: true) == 1)
        try await bench.repository.withLock(.exclusive) { _ in }
        // Without a process space it is restic's own: gone by `unlock`, not by itself.
        _ = try await plant(bench) { lock in
            lock.processSpace = ""
            lock.processID = dead
        }
        await #expect(throws: RepositoryError.self) { try await bench.repository.withLock(.shared) { _ in } }
        #expect(try await bench.repository.removeLocks(all: false) == 1)
    }

    @Test func aRefreshedLockIsANewObjectAndALostOneStopsWrites() async throws {
        let bench = try await Bench()
        let locker = Locker(files: bench.repository.files, repository: bench.repository.location)
        let lock = try await locker.acquire(.shared)
        let first = lock.id
        await locker.refresh(lock)
        #expect(lock.id != first)
        #expect(try await bench.store.listIDs(ObjectNames.locks).map(\.id) == [lock.id])
        try lock.requireHeld()
        #expect(try await bench.repository.removeLocks(all: true) == 1)
        await locker.refresh(lock)
        let error = try #require(throws: RepositoryError.self) { try lock.requireHeld() }
        #expect(error.code == "lock-lost")
        let guarded = GuardedStore(base: bench.store, lock: lock)
        await #expect(throws: RepositoryError.self) { try await guarded.put("data/00/x", [1]) }
        await #expect(throws: RepositoryError.self) { try await guarded.delete("config") }
    }
}

/// A `restic backup --stdin` that holds its shared lock until its input ends.
private final class HeldBackup {
    private let process = Process()
    private let input = Pipe()
    private var ended = false

    init(_ bench: Bench) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/restic")
        process.arguments = ["backup", "--stdin"]
        process.environment = [
            "RESTIC_REPOSITORY": bench.restic.repository, "RESTIC_PASSWORD": bench.restic.password,
            "RESTIC_CACHE_DIR": bench.folder("held"),
            "PATH": "/usr/bin", "HOME": bench.folder("held"),
        ]
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    /// Looks until the lock is there; restic ending instead is a failure.
    func waitUntilLocked(_ store: LocalStore) async throws {
        try await eventually("restic's lock") {
            guard process.isRunning else { throw ResticRig.Failure(description: "restic ended before it locked") }
            return try await !store.listIDs(ObjectNames.locks).isEmpty
        }
    }

    func end() {
        guard !ended else { return }
        ended = true
        try? input.fileHandleForWriting.write(contentsOf: Array("content".utf8))
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    var status: Int32 { process.terminationStatus }
}
