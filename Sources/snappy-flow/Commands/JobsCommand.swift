import FlowModel
import ArgumentParser
import Basics
import StepKit
import WorkflowEngine

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Jobs in the control database.",
        subcommands: [List.self, Show.self, Logs.self, Watch.self, Cancel.self, Retry.self, Abandon.self, ApproveStep.self, Resume.self],
        defaultSubcommand: List.self)
}

/// One job of the control database, named by its id or the beginning or end of it.
struct JobOptions: ParsableArguments {
    @Argument(help: "The job's id, or enough of its beginning or end.") var job: String
    @OptionGroup var database: DatabaseOptions

    func open() async throws -> (store: EngineStore, job: JobID, control: ControlDatabase) {
        let control = try await database.acquire()
        let store = try await control.openStore()
        return (store, try await store.findJob(job), control)
    }
}

extension JobsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "The newest jobs.")
        @OptionGroup var database: DatabaseOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Of this pipeline only.") var pipeline: String?
        @Flag(help: "Only those that are not over.") var active = false
        @Option(help: "At most so many.") var limit = 50

        func run() async throws {
            let control = try await database.acquire()
            let store = try await control.openStore()
            var listing = Listing(columns: ["job", "pipeline", "state", "cleanup", "steps", "created", "took"])
            let jobs = try await store.jobs(pipeline: pipeline, activeOnly: active, limit: limit)
            for job in jobs {
                let state =
                    job.setAside != nil
                    ? "set aside"
                    : job.outcome?.rawValue ?? (job.stopping != nil ? "stopping" : job.stepsWaiting > 0 ? "waiting" : "running")
                listing.add(
                    [
                        job.id.short, job.pipeline, state, job.cleanup.rawValue, "\(job.stepsEnded)/\(job.steps)",
                        job.createdAt.dateAndClock,
                        job.took?.rounded ?? "",
                    ],
                    try JSONValue(encoding: job).merging(["state": .string(state)]))
            }
            print(listing.text(output.output))
            if output.output == .table {
                for job in jobs { if let reason = job.setAside { print("\njob \(job.id.short) is set aside: \(reason.printable)") } }
            }
            withExtendedLifetime(control) {}
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Steps, attempts with their errors, and what is held.")
        @OptionGroup var options: JobOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (store, job, control) = try await options.open()
            defer { withExtendedLifetime(control) {} }
            let details: JobDetails
            do {
                guard let found = try await store.job(job) else { throw CommandFailure(.failed, "error: job \(job) is gone") }
                details = found
            } catch let error as Explanation where error.isRotten {
                return try await showUnreadable(job, store, error)
            }
            if output.output != .table {
                let value: JSONValue = [
                    "summary": try JSONValue(encoding: details.summary), "parameters": .object(details.parameters),
                    "run": try JSONValue(encoding: details.run),
                    "attempts": .array(try details.attempts.map { try JSONValue(encoding: $0) }),
                    "unreadable": .array(details.unreadable.map { .string($0) }),
                    "stalled": try JSONValue(encoding: try await store.stalled(job: job)),
                ]
                print(output.output == .json ? value.prettyText : value.yamlText)
                return
            }
            let terminal = Terminal()
            let rendering = JobRendering(details, terminal)
            print("job \(job)  pipeline \(details.summary.pipeline)  \(rendering.headline())")
            print("created \(details.summary.createdAt.dateAndClock)\n")
            if let reason = details.summary.setAside { print(Self.words(reason, job)) }
            print(rendering.stepLines().joined(separator: "\n"))
            let failed = details.attempts.filter { $0.error != nil }
            if !failed.isEmpty { print("\nFailed attempts:") }
            for attempt in failed {
                print("  \(attempt.startedAt.dateAndClock)  \(attempt.step), attempt \(attempt.number): \(attempt.outcome.rawValue)")
                if let error = attempt.error { print(JobRendering.lines(of: error).map { "  " + $0 }.joined(separator: "\n")) }
            }
            for row in details.unreadable { print("  can't be read: \(row.printable)") }
            let stalls = try await store.stalled(job: job)
            if !stalls.isEmpty { print("\nStands still:") }
            for stall in stalls.prefix(20) { print("  \(stall)") }
            if stalls.count > 20 { print("  and \(stalls.count - 20) more: `snappy-flow jobs show --output json`") }
            print(rendering.details().joined(separator: "\n"))
        }

        /// What is known of a job whose rows can't be read.
        private func showUnreadable(_ job: JobID, _ store: EngineStore, _ error: Explanation) async throws {
            guard let summary = try await store.summary(job) else { throw error }
            let reason = summary.setAside ?? error.found
            if output.output != .table {
                let value: JSONValue = ["summary": try JSONValue(encoding: summary), "unreadable": [.string(reason)]]
                print(output.output == .json ? value.prettyText : value.yamlText)
                return
            }
            guard !summary.isInHistory else {
                print(
                    "job \(job)  pipeline \(summary.pipeline)  \(summary.outcome?.rawValue ?? "")\nIts row of the history can't be read: \(reason.printable)"
                )
                return
            }
            print("job \(job)  pipeline \(summary.pipeline)  set aside")
            print("created \(summary.createdAt.dateAndClock), \(summary.stepsEnded) of \(summary.steps) steps ended\n")
            print(Self.words(reason, job))
        }

        private static func words(_ reason: String, _ job: JobID) -> String {
            "Set aside: \(reason.printable)\nNothing is done for it until its rows are mended and `snappy-flow jobs resume \(job.short)` has taken it up again.\n"
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Takes a job up again that was set aside because its rows could not be read.",
            discussion:
                "Mend the rows first: `jobs show` says what is wrong, docs/database.md how. What is still wrong is said, and nothing changes."
        )
        @OptionGroup var options: JobOptions

        func run() async throws {
            let (store, job, control) = try await options.open()
            let isTaken = try await store.takeUp(job, by: Person.name)
            try? await store.notify()
            withExtendedLifetime(control) {}
            print("job \(job.short): " + (isTaken ? "goes on where a worker is" : "it was not set aside"))
        }
    }

    struct Logs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "logs", abstract: "What the steps' bodies wrote.")
        @OptionGroup var options: JobOptions
        @Option(help: "Of this step only.") var step: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (store, job, control) = try await options.open()
            var listing = Listing(columns: ["time", "step", "try", "level", "message"])
            var after: Int64 = 0
            while true {
                let page = try await store.logs(job: job, step: step.map { StepID($0) }, after: after)
                guard let last = page.last else { break }
                after = last.id
                for line in page {
                    listing.add(
                        [line.at.clock, line.step.rawValue, "\(line.attempt)", line.level.rawValue, line.message],
                        try JSONValue(encoding: line))
                }
            }
            print(listing.text(output.output))
            withExtendedLifetime(control) {}
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "watch", abstract: "Follows a job to its end and exits with its status.")
        @OptionGroup var options: JobOptions

        func run() async throws {
            let (store, job, control) = try await options.open()
            let watch = JobWatch(store: store, job: job, databaseWait: options.database.wait)
            let details = try await watch.follow()
            watch.conclude(details)
            withExtendedLifetime(control) {}
            if details.run.exitStatus != .succeeded { throw CommandFailure(details.run.exitStatus) }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Stops a job and undoes what it acquired.")
        @OptionGroup var options: JobOptions

        func run() async throws {
            let (store, job, control) = try await options.open()
            let applied = try await store.apply(.cancel(by: Person.name), to: job)
            try? await store.notify()
            withExtendedLifetime(control) {}
            guard applied.refusal == nil else {
                print("job \(job.short): nothing to cancel: it is over, or being cancelled already")
                return
            }
            print("job \(job.short): cancelling; `snappy-flow jobs watch \(job.short)` follows it")
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry", abstract: "Goes on from what failed; windows that are gone are taken again.")
        @OptionGroup var options: JobOptions

        func run() async throws {
            let (store, job, control) = try await options.open()
            let applied = try await store.apply(.retryJob(by: Person.name), to: job)
            try? await store.notify()
            withExtendedLifetime(control) {}
            guard applied.refusal == nil else {
                throw CommandFailure(
                    .failed, "error: job \(job.short): expected a job that ended without success, found one that runs or succeeded")
            }
            print("job \(job.short): goes on where a worker is: `snappy-flow worker`, or the next `snappy-flow run`")
        }
    }

    struct Abandon: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "abandon", abstract: "Gives up what a job still holds and can't undo. What it holds may stay, frozen or taken.",
            discussion: """
                For an undo that can't succeed any more: its system is gone for good, or a right that it needs is not coming back. Until then it is tried \
                again without end, which is what you want of a freeze or a snapshot that can still be undone. All work of the job must have ended \
                (`jobs cancel` ends it). The job's cleanup is `abandoned` afterwards, its exit status 4, and the journal says who gave up what.
                """)
        @OptionGroup var options: JobOptions
        @Option(help: "This undo only, by its own id or that of the step that it undoes.") var step: String?
        @Flag(help: "Do it; without, what would be given up is listed and nothing changes.") var yes = false

        func run() async throws {
            let (store, job, control) = try await options.open()
            defer { withExtendedLifetime(control) {} }
            guard let details = try await store.job(job) else { throw CommandFailure(.failed, "error: job \(job) is gone") }
            let owed = details.run.armed.filter { owed in
                step.map { owed.compensation.rawValue == $0 || details.run.planned(owed.compensation)?.undoes?.rawValue == $0 } ?? true
            }
            guard !owed.isEmpty else {
                throw CommandFailure(
                    .failed,
                    "error: job \(job.short): expected something that is still held\(step.map { " by \($0)" } ?? ""), found nothing")
            }
            print("job \(job.short) (\(details.summary.pipeline)) \(yes ? "gives up" : "would give up"):")
            for (undo, resource) in owed {
                let acquirer = details.run.planned(undo)?.undoes ?? undo
                let systems = details.run.planned(acquirer)?.systems.joined(separator: ", ") ?? ""
                print(
                    "  \(undo), which undoes \(acquirer)\(systems.isEmpty ? "" : " of \(systems)")\(resource.host.map { " on host \($0)" } ?? "")"
                )
                print(
                    "    named \(details.run.outsideName(of: acquirer, resource, job: job)) outside; recorded: \(JSONValue.object(resource.state).canonicalText)"
                )
                if let error = details.run[undo]?.error { print(JobRendering.lines(of: error).map { "  " + $0 }.joined(separator: "\n")) }
            }
            guard yes else {
                throw CommandFailure(
                    .failed,
                    "What is listed may stay as it is, frozen or taken, and nothing will undo it: look at the systems first. Then `--yes`.")
            }
            let applied = try await store.apply(.abandon(step.map { StepID($0) }, by: Person.name), to: job)
            try? await store.notify()
            if let refusal = applied.refusal {
                throw CommandFailure(
                    .failed,
                    refusal == .stillWorking
                        ? "error: job \(job.short): expected a job whose work has ended, found steps that run or wait; `snappy-flow jobs cancel \(job.short)` first"
                        : "error: job \(job.short): expected something that is still held, found that it was undone meanwhile")
            }
            print("job \(job.short): given up; its cleanup is \(applied.run.job.cleanup.rawValue)")
            // A thaw that came later would open the window of another job.
            for (undo, resource) in owed {
                let key = details.run.outsideName(of: details.run.planned(undo)?.undoes ?? undo, resource, job: job)
                if let host = resource.host, host != Composition.host {
                    print("if host \(host) is alive, end the process `snappy-flow guard --freeze \(key)` there: it still tries to thaw")
                } else {
                    try await FormerGuards(key: key).end()
                }
            }
        }
    }

    struct ApproveStep: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "approve", abstract: "Answers a step that waits for approval.")
        @OptionGroup var options: JobOptions
        @Argument(help: "The step's id.") var step: String
        @Flag(help: "Say no: the step fails.") var deny = false
        @Option(help: "Who answers; the user, with the groups that it is in, by default.") var by: String?

        func run() async throws {
            let (store, job, control) = try await options.open()
            let signal = StepSignal(isGood: !deny, by: by ?? Person.name, groups: by == nil ? Person.groups : nil)
            let applied = try await store.apply(.signal(StepID(step), signal), to: job)
            try? await store.notify()
            withExtendedLifetime(control) {}
            if let refusal = applied.refusal { throw failure(refusal, applied.run, job) }
            print("job \(job.short), step \(step): \(deny ? "denied" : "approved")")
        }

        private func failure(_ refusal: Refusal, _ run: JobRun, _ job: JobID) -> CommandFailure {
            let waiting = run.steps.filter { $0.state == .waiting }.map(\.id.rawValue).joined(separator: ", ")
            let found =
                switch refusal {
                case .unknownStep: "no such step"
                case .notAllowed: "\(by ?? Person.name), whom the step's `by` does not name"
                case .nothingToDo, .staleToken, .notReady, .stillWorking: "one that is over or was answered before"
                }
            return CommandFailure(
                .failed,
                "error: job \(job.short), step \(step): expected a step that waits for this answer, found \(found); waiting: \(waiting.isEmpty ? "none" : waiting)"
            )
        }
    }
}
