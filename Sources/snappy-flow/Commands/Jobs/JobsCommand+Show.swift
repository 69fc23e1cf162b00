import Basics
import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Shows a job's steps, its attempts with their errors, and what it holds.",
            discussion: "docs/job-json.md describes the fields of JSON and YAML.")
        @OptionGroup var options: JobOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let detail = try await options.withJob { control, job in try await control.job(job) }
            guard output.output == .table else { return output.print(try JSONValue(encoding: detail), orText: "") }
            if detail.isComplete { show(detail) } else { showUnreadable(detail) }
        }

        private func show(_ detail: JobDetail) {
            let rendering = JobRendering(detail, Terminal())
            print("job \(detail.id)  pipeline \(detail.pipeline)  \(rendering.headline())")
            print("created \(detail.createdAt.instant.dateAndClock)\n")
            if let aside = detail.setAside { print(Self.words(aside.reason, detail.id)) }
            print(rendering.stepLines().joined(separator: "\n"))
            let failed = detail.steps.flatMap { step in step.attempts.filter { $0.error != nil }.map { (step.id, $0) } }
                .sorted { $0.1.startedAt < $1.1.startedAt }
            if !failed.isEmpty { print("\nFailed attempts:") }
            for (step, attempt) in failed {
                print("  \(attempt.startedAt.instant.dateAndClock)  \(step), attempt \(attempt.number): \(attempt.outcome.rawValue)")
                if let error = attempt.error { print(JobRendering.lines(of: error).map { "  " + $0 }.joined(separator: "\n")) }
            }
            for row in detail.unreadable { print("  can't be read: \(row.printable)") }
            if !detail.stalled.isEmpty { print("\nStands still:") }
            for stall in detail.stalled.prefix(20) { print("  \(stall)") }
            if detail.stalled.count > 20 { print("  and \(detail.stalled.count - 20) more: `snappy-flow jobs show --output json`") }
            print(rendering.details().joined(separator: "\n"))
        }

        /// What is known of a job whose rows can't be read.
        private func showUnreadable(_ detail: JobDetail) {
            let reason = detail.unreadable.joined(separator: "; ")
            guard !detail.isInHistory else {
                print(
                    "job \(detail.id)  pipeline \(detail.pipeline)  \(detail.outcome?.rawValue ?? "")\nIts row of the history can't be read: \(reason.printable)"
                )
                return
            }
            print("job \(detail.id)  pipeline \(detail.pipeline)  set aside")
            print(
                "created \(detail.createdAt.instant.dateAndClock), \(detail.stepCounts.ended) of \(detail.stepCounts.total.counted("step")) ended\n"
            )
            print(Self.words(reason, detail.id))
        }

        private static func words(_ reason: String, _ job: JobID) -> String {
            "Set aside: \(reason.printable)\nNothing is done for it until its rows are mended and `snappy-flow jobs resume \(job.short)` has taken it up again.\n"
        }
    }
}
