import FlowModel
import Repository
import StepKit
import StorageKit

extension StepContext {
    /// Opens a declared repository. With `creating`, one that does not exist is made, unless the document forbids it.
    func openRepository(_ name: String, creating: Bool = false) async throws -> Repository {
        let recorder = recorder
        let place = try await RepositoryPlace(name, in: plan, catalog, secrets: secrets) { repository, event in
            let (text, isGood) = event.words(of: repository)
            recorder.log(isGood ? .info : .warning, text)
        }
        let patience = LockPatience(limit: Self.lockWait) { recorder.log(.info, "waits: \($0.found), at \($0.location)") }
        do {
            return try await place.open(patience: patience)
        } catch let error as RepositoryError where error.kind == .notFound && creating {
            guard place.planned.create else {
                throw StepError(
                    Self.noRepository, expected: "a repository at \(place.location)", found: "none, and `create: false` forbids to make it",
                    at: "repository \(name)", advice: "check the location, or allow its creation")
            }
        }
        try recorder.ensureHeld()
        do {
            let repository = try await place.create(patience: patience)
            recorder.log(.info, "created repository \(repository.id.prefix(10)) at \(repository.location)")
            return repository
        } catch let error as RepositoryError where error.kind == .exists {
            return try await place.open(patience: patience)
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
