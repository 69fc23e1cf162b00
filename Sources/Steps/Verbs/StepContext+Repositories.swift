import FlowModel
import Basics
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
        for warning in place.warnings { recorder.log(.warning, warning) }
        let patience = LockPatience(limit: Self.lockWait) { recorder.log(.info, "waits: \($0.found), at \($0.location)") }
        do {
            return try await place.open(patience: patience)
        } catch let error as RepositoryError where error.kind == .notARepository && creating {
            guard place.planned.create else {
                throw StepError(
                    .notARepository, expected: "a repository at \(place.location)", found: "none, and `create: false` forbids to make it",
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
}
