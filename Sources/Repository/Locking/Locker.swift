import Crypto
import Basics
import Foundation
import StorageKit

/// Takes, refreshes and removes locks by restic's protocol (restic internal/restic/lock.go).
struct Locker: Sendable {
    let files: SealedFiles
    let repository: String

    /// Between writing our lock and looking for others who wrote theirs at the same time.
    private static let settle: Duration = .milliseconds(200)

    func acquire(_ mode: LockMode) async throws -> RepositoryLock {
        let lock = try await begin(mode)
        do {
            try await withTaskCancellationHandler {
                try await lock.settled()
            } onCancel: {
                lock.stopSettling()
            }
        } catch {
            await remove(lock.id)
            throw error
        }
        return lock
    }

    /// Our lock is written; whether somebody else wrote his at the same time is not known before `settled`.
    func begin(_ mode: LockMode) async throws -> RepositoryLock {
        HangUp.ignored
        try await refuseConflicts(mode, except: nil)
        let id = try await write(mode)
        return RepositoryLock(
            mode: mode, repository: repository, id: id,
            listIndexes: { Set(try await files.store.listIDs(ObjectNames.index).map(\.id)) }
        ) {
            try await Task.sleep(for: Self.settle)
            try await refuseConflicts(mode, except: id)
        }
    }

    private func write(_ mode: LockMode) async throws -> ObjectID {
        do {
            return try await files.save(ObjectNames.locks, LockFile.own(mode, at: .now).encoded)
        } catch var error as StorageError where mode == .shared && (error.kind == .noSpace || error.kind == .accessDenied) {
            error.advice += (error.advice.isEmpty ? "" : "; ") + "to read from it all the same, take no lock: `--no-lock`"
            throw error
        }
    }

    func release(_ lock: RepositoryLock) async { await remove(lock.id) }

    /// Removes our own lock also when our task is cancelled. What can't be removed goes stale by itself.
    private func remove(_ id: ObjectID) async {
        await Task { try? await files.delete(ObjectNames.locks, id) }.value
    }

    /// Refreshes until cancelled: the new lock is durable before the old one goes.
    func keepFresh(_ lock: RepositoryLock, every interval: Duration = RepositoryLock.refreshEvery) async {
        while (try? await Task.sleep(for: interval)) != nil { await refresh(lock) }
    }

    func refresh(_ lock: RepositoryLock) async {
        let old = lock.id
        do {
            guard try await files.store.stat(ObjectName(ObjectNames.locks + old.hex)) != nil else {
                lock.lose(
                    RepositoryError(
                        .lockLost, expected: "our lock \(old)", found: "no lock", at: repository,
                        advice: "somebody removed it (`unlock --remove-all`); run again once no other program works on the repository"))
                return
            }
            try lock.requireHeld()
            let started = ContinuousClock.now
            let id = try await files.save(ObjectNames.locks, LockFile.own(lock.mode, at: .now).encoded)
            lock.refreshed(as: id, at: started)
            try await files.delete(ObjectNames.locks, old)
        } catch {
            // Tried again at the next turn; `requireHeld` stops the holder when it takes too long.
        }
    }

    /// Throws when somebody's lock forbids ours; stale ones are removed on the way.
    private func refuseConflicts(_ mode: LockMode, except own: ObjectID?) async throws {
        for (id, size) in try await files.store.listIDs(ObjectNames.locks) where id != own && size > 0 {
            guard let lock = try await read(id) else { continue }
            if lock.isStale(at: .now) {
                try await files.delete(ObjectNames.locks, id)
                continue
            }
            guard mode == .exclusive || lock.exclusive else { continue }
            throw RepositoryError(
                .locked, expected: mode == .exclusive ? "nobody else at work" : "nobody pruning or forgetting",
                found:
                    "\(lock.exclusive ? "an exclusive" : "a shared") lock of \(lock.username)@\(lock.hostname), process \(lock.processID), of \(lock.time.text)",
                at: "\(repository)/locks/\(id)",
                advice: "wait for it to end; if its process is dead, `snappy-flow repository unlock` removes it", retry: .transient)
        }
    }

    /// Nil when it vanished. A lock that is being written may be unreadable for a moment.
    private func read(_ id: ObjectID) async throws -> LockFile? {
        var attempt = 1
        while true {
            do {
                return try LockFile(decoding: try await files.load(ObjectNames.locks, id), at: "\(repository)/locks/\(id)")
            } catch let error as StorageError where error.kind == .notFound {
                return nil
            } catch {
                guard attempt < 3 else {
                    throw RepositoryError(
                        .locked, expected: "a readable lock", found: "\(error)", at: "\(repository)/locks/\(id)",
                        advice: "if nobody works on the repository, remove it with `snappy-flow repository unlock --all`")
                }
                try await Task.sleep(for: .milliseconds(250 * attempt))
                attempt += 1
            }
        }
    }

    /// For who only looks. Nil when it vanished.
    func sight(_ id: ObjectID) async throws(RepositoryError) -> LockFile? {
        do { return try await read(id) } catch let error as RepositoryError { throw error } catch {
            throw RepositoryError(
                .locked, expected: "a readable lock", found: "\(error)", at: "\(repository)/locks/\(id)", retry: .transient)
        }
    }

    /// Removes locks of the dead, or all. Returns how many.
    func removeLocks(all: Bool) async throws -> Int {
        var count = 0
        for (id, _) in try await files.store.listIDs(ObjectNames.locks) {
            if !all {
                guard let lock = try await read(id), lock.isAbandoned(at: .now) else { continue }
            }
            try await files.delete(ObjectNames.locks, id)
            count += 1
        }
        return count
    }
}

extension FileTime {
    static var now: FileTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return FileTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }
}
