import ArgumentParser
import Basics
import Repository
import StorageKit

extension RepositoryCommand {
    struct Prune: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "prune", abstract: "Gives back the space of what no snapshot uses. Forgets no snapshot.",
            discussion: """
                A document's `prune` step forgets by policy, and does this now and then. Here it is done at once: after `repair snapshots --forget`, say.
                Nothing goes before what replaces it is stored; ended at any moment, the repository holds everything that snapshots use.
                """)
        @OptionGroup var place: RepositoryOptions
        @Option(help: "How much of the repository may stay unused rather than be written anew: a share such as 5%, or 0%.")
        var maxUnused = "5%"
        @Flag(help: "Only say what would be done.") var dryRun = false
        @Flag(help: "Remove everything where every snapshot was removed on purpose; refused else.") var empty = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let share = Percentage(maxUnused)
            guard share != nil || maxUnused == "0%" else {
                throw CommandFailure(.usage, "error: --max-unused: expected a share such as 5%, or 0%, found \(maxUnused)")
            }
            let (repository, _) = try await place.open()
            let meter = ProgressLine(terminal: Terminal())
            var options = PruneOptions(maximumUnused: share, dryRun: dryRun) { progress in
                meter.show(
                    "\(ByteCount(bytes: Int64(clamping: progress.bytesRepacked)).approximate) of \(ByteCount(bytes: Int64(clamping: progress.bytesToRepack)).approximate) written anew"
                )
            }
            options.mayEmpty = empty
            let report = try await repository.prune(options)
            meter.clear()
            func size(_ bytes: Int64) -> String { ByteCount(bytes: bytes).approximate }
            var text = """
                \(report.packsKept) packs stay, \(report.packsRemoved) \(dryRun ? "would go" : "went"), \(report.packsRepacked) \
                \(dryRun ? "would be" : "were") written anew (\(size(report.bytesRepacked)))
                \(size(report.bytesReclaimed)) \(dryRun ? "would be given back" : "given back"), \(size(report.bytesUnused)) unused stay
                """
            if report.packsRetained > 0 {
                text += "\n\(report.packsRetained) packs more are not needed; the store keeps them for a time (object lock)"
            }
            if report.unfinished.count > 0 {
                text += "\nwhat died in the middle of \(report.unfinished.count) uploads went too (\(size(report.unfinished.bytes)))"
            }
            if let problem = report.unfinishedProblem {
                text += "\nuploads that nobody finished were not looked for: \(problem.found), at \(problem.location); \(problem.advice)"
            }
            output.print(
                [
                    "dryRun": .bool(dryRun), "packsKept": .int(Int64(report.packsKept)), "packsRemoved": .int(Int64(report.packsRemoved)),
                    "packsRepacked": .int(Int64(report.packsRepacked)), "packsRetained": .int(Int64(report.packsRetained)),
                    "bytesRepacked": .int(report.bytesRepacked), "bytesReclaimed": .int(report.bytesReclaimed),
                    "bytesUnused": .int(report.bytesUnused), "uploadsUnfinished": .int(Int64(report.unfinished.count)),
                    "bytesUnfinished": .int(report.unfinished.bytes),
                ], orText: text)
        }
    }
}
