import FlowModel
import Repository
import StepKit
import StorageKit

extension StepContext {
    /// Opens a declared repository. With `creating`, one that does not exist is made, unless the document forbids it.
    func openRepository(_ name: String, creating: Bool = false) async throws -> Repository {
        let store = try await openStore(name)
        guard let planned = plan.repositories[name] else {
            throw StepError(.invalidSetting, expected: "a declared repository", found: name, at: "step \(step.id)")
        }
        let password = try secrets.resolve(planned.password).reveal()
        let recorder = recorder
        let patience = LockPatience(limit: Self.lockWait) { recorder.log(.info, "waits: \($0.found), at \($0.location)") }
        let access = try StoreAccess(planned, name: name)
        let bandwidth = access.bandwidth.map { catalog.bandwidths.limit(of: planned.identity, $0) }
        let cache = catalog.metadataCache(of: planned, access)
        let retries = StoreRetries(limit: access.retryFor) { event in
            switch event {
            case .waits(let error, let limit):
                recorder.log(.warning, "\(error.location): \(error.found); asked again for up to \(limit)")
            case .answers(let away): recorder.log(.info, "repository \(name) answers again, after \(away)")
            }
        }
        do {
            return try await Repository.open(
                store, password: password, patience: patience, retries: retries, bandwidth: bandwidth, cache: cache)
        } catch let error as RepositoryError where error.kind == .notFound && creating {
            guard planned.create else {
                throw StepError(
                    Self.noRepository, expected: "a repository at \(store.properties.location)",
                    found: "none, and `create: false` forbids to make it",
                    at: "repository \(name)", advice: "check the location, or allow its creation")
            }
        }
        try recorder.ensureHeld()
        do {
            let repository = try await Repository.create(
                on: store, password: password, patience: patience, retries: retries, bandwidth: bandwidth)
            recorder.log(.info, "created repository \(repository.id.prefix(10)) at \(repository.location)")
            return repository
        } catch let error as RepositoryError where error.kind == .exists {
            return try await Repository.open(
                store, password: password, patience: patience, retries: retries, bandwidth: bandwidth, cache: cache)
        }
    }

    /// As long as restic lets a dead program's lock stand, and a little more. A step's own `timeout:` ends it before.
    private static let lockWait = Duration.seconds(31 * 60)
    private static let noRepository: StepError.Kind = "not-a-repository"
}

/// The tags by which pipelines find their repository snapshots again.
enum SnapshotTag {
    static func pipeline(_ name: String) -> String { "pipeline:\(name)" }
    static func system(_ name: String) -> String { "system:\(name)" }
    static func job(_ id: JobID) -> String { "job:\(id)" }
    static func step(_ id: StepID) -> String { "step:\(id)" }

    /// Something could not be read: it proves nothing and replaces no whole one. In the repository itself, for a database can be lost.
    static let partial = "partial"

    /// The name of the system that a snapshot is of.
    static func system(of snapshot: Snapshot) -> String? { value("system:", of: snapshot) }

    /// The name of the pipeline that made it.
    static func pipeline(of snapshot: Snapshot) -> String? { value("pipeline:", of: snapshot) }

    private static func value(_ prefix: String, of snapshot: Snapshot) -> String? {
        snapshot.tags.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}
