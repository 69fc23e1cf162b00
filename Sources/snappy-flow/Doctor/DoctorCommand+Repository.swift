import Basics
import FlowModel
import Repository
import StepKit
import Steps
import StorageKit
import WorkflowEngine

extension DoctorCommand {
    func checkRepository(_ name: String, _ planned: PlannedRepository, _ plan: Plan, _ machine: Machine, _ report: inout DoctorReport) async
    {
        let settings = Settings(planned.settings, origin: "repository \(name)")
        if let type = Composition.catalog.repository(planned.type) {
            let lacks = machine.lacks(type, with: settings, for: [])
            for need in lacks { report.bad("repository \(name) (\(planned.type)) needs \(need.words): none here", do: need.remedy) }
            guard lacks.isEmpty else { return }
        }
        do {
            let place = try await RepositoryPlace(name, in: plan, Composition.catalog, secrets: EnvironmentSecrets()) { name, event in
                StandardError.write(event.words(of: name).text)
            }
            for warning in place.warnings { report.bad(warning, do: "") }
            let repository = try await place.open()
            let list = try await repository.snapshotList()
            try list.requireWhole()
            report.good("repository \(name): \(list.snapshots.count) snapshots")
            try await checkLocks(name, repository, &report)
            try await checkUnfinished(name, repository, &report)
        } catch let error as RepositoryError where error.kind == .notARepository && planned.create {
            report.good("repository \(name): not there yet; the first copy makes it")
        } catch {
            report.bad(error, about: "repository \(name)")
        }
    }

    private func checkLocks(_ name: String, _ repository: Repository, _ report: inout DoctorReport) async throws {
        let locks = try await repository.locks()
        for lock in locks where !lock.isAbandoned {
            report.note("repository \(name): \(lock.words), which may be at work")
        }
        let abandoned = locks.filter(\.isAbandoned)
        guard !abandoned.isEmpty else { return }
        if fix { _ = try await repository.removeLocks(all: false) }
        let left = fix ? Set(try await repository.locks().map(\.id)) : Set(abandoned.map(\.id))
        for lock in abandoned {
            if left.contains(lock.id) {
                report.warning(
                    "repository \(name): \(lock.words), whose process is dead, or which nobody has refreshed for 30 minutes",
                    do: "`snappy-flow doctor --fix`, or `repository unlock`, removes it")
            } else {
                report.good("repository \(name): removed \(lock.words), which nobody held any more", mended: true)
            }
        }
    }

    private func checkUnfinished(_ name: String, _ repository: Repository, _ report: inout DoctorReport) async throws {
        let age = PruneOptions().unfinishedAge
        let found = try await repository.findUnfinished(olderThan: age)
        guard found.count > 0 else { return }
        func words(_ found: UnfinishedObjects) -> String {
            "\(found.count) upload\(found.count == 1 ? "" : "s") that died, \(ByteCount(bytes: found.bytes).approximate)"
        }
        guard fix else {
            return report.warning(
                "repository \(name): \(words(found)), untouched for \(age)",
                do: "`snappy-flow doctor --fix`, or the next prune, removes what is left of them")
        }
        let removed = try await repository.removeUnfinished(olderThan: age)
        report.good("repository \(name): removed what was left of \(words(removed))", mended: true)
    }
}

extension LockSighting {
    fileprivate var words: String {
        "\(isExclusive ? "an exclusive" : "a shared") lock of \(holder)\(since.isEmpty ? "" : ", of \(since)")"
    }
}
