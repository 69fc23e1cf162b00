import ArgumentParser
import Basics
import FlowModel
import Foundation
import PipelineDSL
import PostgreSQL
import Repository
import StepKit
import Steps
import WorkflowEngine

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Reports what this machine lacks, what jobs still hold, and whether systems and repositories answer.",
        discussion:
            "Changes nothing. Exit status 4 when something is held that no living worker is undoing, 1 when something else is wrong.")
    @Argument(help: "Documents whose systems, repositories and secrets are to be checked too.") var files: [String] = []
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        var report = DoctorReport(terminal: Terminal())
        report.title("This machine")
        checkFolders(&report)
        // No fault of the machine: who needs the type hears of it again, where his document is looked at.
        for line in Machine().missing(in: Composition.catalog) { report.note("missing: \(line)") }
        report.title("Control database")
        await checkDatabase(&report)
        try await checkRoom(nil, &report)
        if !files.isEmpty {
            for compiled in try PipelineOptions.compile(files) {
                await checkPlan(compiled.plan, &report)
                try await checkRoom(compiled.plan, &report)
            }
        }
        report.conclude()
        if report.heldProblems > 0 { throw CommandFailure(.cleanupFailed) }
        if report.problems > 0 { throw CommandFailure(.failed) }
    }

    private func checkFolders(_ report: inout DoctorReport) {
        let folders = Folders()
        for (name, path) in [("state", folders.state), ("cache", folders.cache)] {
            var existing = URL(fileURLWithPath: path)
            while !FileManager.default.fileExists(atPath: existing.path), existing.path != "/" { existing.deleteLastPathComponent() }
            if FileManager.default.isWritableFile(atPath: existing.path) {
                report.good("\(name) folder \(path)")
            } else {
                report.bad("\(name) folder \(path): \(existing.path) is not writable", do: "set XDG_\(name.uppercased())_HOME")
            }
        }
    }

    /// Looked at when the database runs: what has room makes its reserve then.
    private func checkRoom(_ plan: Plan?, _ report: inout DoctorReport) async throws {
        let room = try await RoomCheck.of(plan, database: database)
        if let refusal = room.refusal {
            report.bad("\(refusal.location): expected \(refusal.expected), found \(refusal.found)", do: refusal.advice)
        } else {
            report.good(room.summary)
        }
        for warning in room.warnings { report.bad(warning, do: "") }
        if plan == nil, try database.named == nil, case let cluster = try EmbeddedCluster.standard(), let status = try? cluster.status(),
            status.major != nil, !status.hasReserve
        {
            report.bad("the private database has no reserve of room: its disk was full, or nearly is", do: "free space at \(cluster.path)")
        }
    }

    private func checkDatabase(_ report: inout DoctorReport) async {
        do {
            try await database.withControlStore { try await check($0, &report) }
        } catch let error as any ExplainedError {
            report.bad("\(error.location): expected \(error.expected), found \(error.found)", do: error.advice)
        } catch {
            report.bad("\(error)", do: "")
        }
    }

    private func check(_ store: EngineStore, _ report: inout DoctorReport) async throws {
        report.good("\(store.place), schema version \(Migrator().latest)")
        let workers = try await store.workers().filter(\.isAlive)
        report.good(workers.count.counted("living worker"))
        let aside = try await store.setAsideJobs()
        for job in aside {
            report.bad(
                "job \(job.job.short) (\(job.pipeline)) is set aside since \(job.at.dateAndClock): \(job.reason)",
                do: "mend its rows, then `snappy-flow jobs resume \(job.job.short)` (docs/database.md)")
        }
        for (job, reason) in try await store.brokenRules() where !aside.contains(where: { $0.job == job }) {
            report.bad(reason, do: "mend or remove the row (docs/database.md)")
        }
        let stalls = try await store.stalled(tenant: "default", job: nil)
        if stalls.count > 20 { report.bad("\(stalls.count.counted("step")) stand still; the first:", do: "") }
        for stall in stalls.prefix(20) {
            report.bad(
                "job \(stall.job.short) (\(stall.pipeline)) stands still: \(stall)",
                do: stall.step == nil
                    ? "look at its rows (docs/database.md), or `snappy-flow jobs cancel \(stall.job.short)`"
                    : "start a worker that can take it, or "
                        + (stall.isUndo
                            ? "undo it by hand, then `snappy-flow jobs abandon \(stall.job.short)`"
                            : "`snappy-flow jobs cancel \(stall.job.short)`"))
        }
        let held = try await store.armed()
        if held.isEmpty { report.good("nothing is held") }
        for record in held {
            let what =
                "\(record.step.undoes?.rawValue ?? record.step.id.rawValue) of job \(record.job.short) (\(record.pipeline)), since \(record.armedAt.dateAndClock)"
            let isAside = aside.contains { $0.job == record.job }
            if record.failures == 0, !workers.isEmpty, !isAside {
                report.good("held by a job in progress: \(what)")
            } else {
                let host = record.host.map { " on host \($0)" } ?? ""
                report.held(
                    "held: \(what), undone by \(record.step.id)\(host)", error: record.error,
                    do: (isAside
                        ? "mend the job's rows, then `snappy-flow jobs resume \(record.job.short)`"
                        : workers.isEmpty ? "start `snappy-flow worker`\(host)" : "mend the cause: it is tried again by itself")
                        + (record.failures == 0
                            ? "" : "; what can't be undone any more is given up with `snappy-flow jobs abandon \(record.job.short)`"))
            }
        }
    }

    private func checkPlan(_ plan: Plan, _ report: inout DoctorReport) async {
        report.title("Pipeline \(plan.pipeline)")
        let secrets = EnvironmentSecrets()
        for reference in Set(plan.steps.flatMap(\.secrets)).sorted(by: { $0.description < $1.description }) {
            if secrets.canResolve(reference) {
                report.good("secret \(reference)")
            } else {
                report.bad("secret \(reference) is not there", do: "provide it where workers run")
            }
        }
        let machine = Machine()
        for (name, planned) in plan.systems.sorted(by: { $0.key < $1.key }) {
            await checkSystem(name, planned, plan, machine, secrets, &report)
        }
        for (name, planned) in plan.repositories.sorted(by: { $0.key < $1.key }) {
            let settings = Settings(planned.settings, origin: "repository \(name)")
            if let type = Composition.catalog.repository(planned.type) {
                let lacks = machine.lacks(type, with: settings, for: [])
                for need in lacks { report.bad("repository \(name) (\(planned.type)) needs \(need.words): none here", do: need.remedy) }
                guard lacks.isEmpty else { continue }
            }
            do {
                let place = try await RepositoryPlace(name, in: plan, Composition.catalog, secrets: secrets) { name, event in
                    StandardError.write(event.words(of: name).text)
                }
                for warning in place.warnings { report.bad(warning, do: "") }
                let repository = try await place.open()
                let list = try await repository.snapshotList()
                try list.requireWhole()
                report.good("repository \(name): \(list.snapshots.count.counted("snapshot"))")
            } catch let error as RepositoryError where error.kind == .notARepository && planned.create {
                report.good("repository \(name): not there yet; the first copy makes it")
            } catch let error as any ExplainedError {
                report.bad("repository \(name): expected \(error.expected), found \(error.found)", do: error.advice)
            } catch {
                report.bad("repository \(name): \(error)", do: "")
            }
        }
    }
}

extension DoctorCommand {
    /// A system that can list what there is answers by doing so; of the others it is looked at what they are opened with.
    private func checkSystem(
        _ name: String, _ planned: PlannedSystem, _ plan: Plan, _ machine: Machine, _ secrets: any SecretResolver,
        _ report: inout DoctorReport
    ) async {
        guard let type = Composition.catalog.system(planned.type) else { return }
        let settings = Settings(planned.settings, origin: "system \(name)")
        // Those of a window alone do not matter where nobody freezes.
        let lacks = machine.lacks(type, with: settings, for: uses(of: name, in: plan).intersection(type.capabilities))
        for need in lacks { report.bad("system \(name) (\(planned.type)) needs \(need.words): none here", do: need.remedy) }
        guard lacks.isEmpty else { return }
        guard !JSONValue.object(planned.settings).canonicalText.contains("${") else {
            return report.note("system \(name): its settings are known when a job begins")
        }
        do {
            var context = SystemContext(
                secrets: secrets, scratchFolder: FileManager.default.temporaryDirectory.path, host: Composition.host
            ) { StandardError.write("system \(name): \($1)") }
            context.declaredIdentity = planned.identity
            let opened: any System = try await type.open(settings, context)
            guard type.capabilities.contains(.discovering), let system = opened as? any Discovering else {
                return report.good("system \(name): \(planned.identity)")
            }
            let found = try await system.discover(context)
            report.good("system \(name): \(planned.identity); \(found.count) of its kind in reach")
        } catch let error as any ExplainedError {
            report.bad("system \(name): expected \(error.expected), found \(error.found)", do: error.advice)
        } catch {
            report.bad("system \(name): \(error)", do: "")
        }
    }

    /// What the plan's steps ask of a system.
    private func uses(of system: String, in plan: Plan) -> Set<Capability> {
        plan.steps.reduce(into: []) { uses, step in
            guard case .systems(let names) = step.subject, names.contains(system),
                case .systems(let capabilities)? = Composition.catalog.verb(step.verb)?.declaration.subject
            else { return }
            uses.formUnion(capabilities)
        }
    }
}

/// Lines with marks, and a count of what is wrong.
struct DoctorReport {
    let terminal: Terminal
    private(set) var problems = 0
    private(set) var heldProblems = 0

    init(terminal: Terminal) { self.terminal = terminal }

    func title(_ text: String) { print("\n" + terminal.paint(text, .bold)) }
    func good(_ text: String) { print("  \(terminal.paint("\u{2714}", .green)) \(text.printable)") }

    /// Neither good nor bad.
    func note(_ text: String) { print("  - \(text.printable)") }

    mutating func bad(_ text: String, do advice: String) {
        problems += 1
        print("  \(terminal.paint("\u{2718}", .red)) \(text.printable)")
        if !advice.isEmpty { print("      do: \(advice.printable)") }
    }

    mutating func held(_ text: String, error: Explanation?, do advice: String) {
        heldProblems += 1
        print("  \(terminal.paint("\u{2718}", .red)) \(text.printable)")
        if let error { print("      last: \("\(error)".printable)") }
        print("      do: \(advice.printable)")
    }

    func conclude() {
        let wrong = problems + heldProblems
        print("\n" + (wrong == 0 ? "All is well." : "\(wrong.counted("thing")) to mend."))
    }
}
