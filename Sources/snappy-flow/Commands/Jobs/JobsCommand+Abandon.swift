import Basics
import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct Abandon: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "abandon", abstract: "Gives up what a job still holds and can't undo. It may stay as it is, frozen or taken.",
            discussion: """
                This is for an undo that can't succeed any more, because its system is gone for good, or a right that it needs is not \
                coming back. Until you abandon it, it is retried without end, as it should be while a freeze or a snapshot can still be \
                undone. All work of the job must have ended (`jobs cancel` ends it). Afterwards the job's cleanup is `abandoned`, its \
                exit status is 4, and its journal says who gave up what.
                """)
        @OptionGroup var options: JobOptions
        @Option(help: "Only this undo, by its own id or that of the step that it undoes.") var step: String?
        @Flag(help: "Do it; without this flag, what would be given up is listed and nothing changes.") var yes = false

        func run() async throws {
            try await options.withJob { control, job in
                let step = step.map { StepID($0) }
                let pipeline = try await control.overview(job).pipeline
                let held = try await control.held(job, by: step)
                print("job \(job.short) (\(pipeline)) \(yes ? "gives up" : "would give up"):")
                for held in held { show(held) }
                guard yes else {
                    throw CommandFailure(
                        .failed,
                        "What is listed may stay as it is, frozen or taken, and nothing will undo it: look at the systems first. Then `--yes`."
                    )
                }
                let answer = try await control.abandon(job, step, by: Person.requester)
                print("job \(job.short): given up; its cleanup is \(answer.cleanup.rawValue)")
                for held in answer.guardsElsewhere {
                    print(
                        "if host \(held.host ?? "") is alive, end the process `snappy-flow guard --freeze \(held.name)` there: it still tries to thaw"
                    )
                }
            }
        }

        private func show(_ held: HeldDetail) {
            let systems = held.systems.joined(separator: ", ")
            print(
                "  \(held.step), which undoes \(held.undoes)\(systems.isEmpty ? "" : " of \(systems)")\(held.host.map { " on host \($0)" } ?? "")"
            )
            print("    named \(held.name) outside; recorded: \(JSONValue.object(held.recorded).canonicalText)")
            if let error = held.error { print(JobRendering.lines(of: error).map { "  " + $0 }.joined(separator: "\n")) }
        }
    }
}
