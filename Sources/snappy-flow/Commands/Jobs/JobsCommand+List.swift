import Basics
import ArgumentParser
import FlowControl
import FlowModel
import Foundation
import WorkflowEngine

extension JobsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists jobs, the newest first.",
            discussion: """
                Times are RFC 3339 (2026-11-30T02:15:00Z, or the date alone) or an age such as 12h or 7d. If there are more jobs than \
                `--limit`, the last line, on standard error, has the cursor of the next page. docs/job-json.md describes the fields of \
                JSON and YAML.
                """)
        @OptionGroup var database: DatabaseOptions
        @OptionGroup var output: OutputOptions
        @Option(help: "Only jobs of this pipeline.") var pipeline: String?
        @Option(help: "Only jobs with this system.") var system: String?
        @Option(
            help: ArgumentHelp("Only jobs in this state: \(JobState.words). May be repeated.", valueName: "state"),
            transform: JobState.init(argument:))
        var state: [JobState] = []
        @Flag(help: "Only jobs that are not over.") var active = false
        @Option(help: "Only jobs made at this time or later.") var since: String?
        @Option(help: "Only jobs made before this time.") var until: String?
        @Option(help: "Maximum number of jobs.") var limit = 50
        @Option(help: "The cursor with which the previous page ended.") var cursor: String?

        func validate() throws {
            guard (1...FlowControl.mostItems).contains(limit) else {
                throw ValidationError("--limit: expected 1 to \(FlowControl.mostItems), found \(limit)")
            }
            for (name, text) in [("since", since), ("until", until)] {
                guard let text, Self.time(text) == nil else { continue }
                throw ValidationError("--\(name): expected a time such as 2026-11-30T02:15:00Z or 12h, found \(text)")
            }
        }

        func run() async throws {
            let filter = JobFilter(
                pipeline: pipeline, system: system, states: state.isEmpty ? nil : Set(state), since: since.flatMap(Self.time),
                until: until.flatMap(Self.time), activeOnly: active)
            let page = try await database.withFlowControl { try await $0.jobs(filter, cursor: cursor, limit: limit) }
            var listing = Listing(columns: ["job", "pipeline", "state", "cleanup", "steps", "created", "took"])
            for job in page.items {
                listing.add(
                    [
                        job.id.short, job.pipeline, job.state.words, job.cleanup.rawValue,
                        "\(job.stepCounts.ended)/\(job.stepCounts.total)",
                        job.createdAt.instant.dateAndClock, job.took?.rounded ?? "",
                    ],
                    try JSONValue(encoding: job))
            }
            print(listing.text(output.output))
            if output.output == .table {
                for job in page.items {
                    if let aside = job.setAside { print("\njob \(job.id.short) is set aside: \(aside.reason.printable)") }
                }
            }
            if let next = page.next { StandardError.write("note: there are more: --cursor \(next)") }
        }

        /// A time, or a span before now.
        private static func time(_ text: String) -> Instant? {
            if let time = Timestamp(text) { return time.instant }
            let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
            return TimeSpan(text).flatMap { span in
                // What is longer ago than the epoch is as good as it.
                span.milliseconds < now.microseconds / 1000 ? now + TimeSpan.milliseconds(-span.milliseconds) : Instant(microseconds: 0)
            }
        }
    }
}

extension JobState {
    fileprivate static var words: String { allCases.map(\.rawValue).joined(separator: ", ") }

    fileprivate init(argument: String) throws {
        guard let state = JobState(rawValue: argument) else { throw ValidationError("expected one of \(Self.words), found \(argument)") }
        self = state
    }

    /// For people.
    var words: String { self == .setAside ? "set aside" : rawValue }
}
