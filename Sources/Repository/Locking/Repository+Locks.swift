public import Basics
import Crypto
public import StorageKit

extension Repository {
    /// Everybody's locks, as they are now; who looks takes none. One that can't be read counts as held.
    public func locks() async throws -> [LockSighting] {
        let locker = Locker(files: files, repository: location)
        var found: [LockSighting] = []
        for (id, _) in try await store.listIDs(ObjectNames.locks) {
            do throws(RepositoryError) {
                guard let lock = try await locker.sight(id) else { continue }
                found.append(
                    LockSighting(
                        id: id.hex, isExclusive: lock.exclusive, holder: "\(lock.username)@\(lock.hostname), process \(lock.processID)",
                        since: lock.time.text, isAbandoned: lock.isAbandoned(at: .now)))
            } catch {
                found.append(LockSighting(id: id.hex, isExclusive: true, holder: "somebody: \(error.found)", since: "", isAbandoned: false))
            }
        }
        return found.sorted { $0.id < $1.id }
    }

    /// What writers that died left half made where no list shows it, and that nobody has touched for `age`.
    public func findUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects { try await store.findUnfinished(olderThan: age) }

    /// Removes it. Safe beside writers that live.
    public func removeUnfinished(olderThan age: TimeSpan) async throws -> UnfinishedObjects {
        try await store.removeUnfinished(olderThan: age)
    }
}

/// A lock as somebody sees it who does not hold it.
public struct LockSighting: Sendable, Hashable {
    /// 64 hex digits.
    public var id: String
    public var isExclusive: Bool
    /// `user@host, process 1234`
    public var holder: String
    /// When it was refreshed last, as it says: RFC 3339; empty where it can't be read.
    public var since: String
    /// By restic's own rules: nobody has refreshed it for 30 minutes, or its process on this host is dead.
    public var isAbandoned: Bool
}
