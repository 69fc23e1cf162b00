import ArgumentParser
import Basics
import Repository
import StorageKit

extension RepositoryCommand {
    struct Prune: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "prune", abstract: "Frees the space that no snapshot uses. Forgets no snapshot.",
            discussion: """
                A document's `prune` step forgets by policy, and frees space now and then. This does it at once: after `repair snapshots \
                --forget`, say. Nothing is removed before what replaces it is stored: whenever it is stopped, the repository holds \
                everything that snapshots use.
                """)
        @OptionGroup var place: RepositoryOptions
        @Option(help: "How much of the repository may stay unused, to save rewriting packs: a share such as 5%, or 0%.")
        var maxUnused = "5%"
        @Flag(help: "Only report what would be done.") var dryRun = false
        @Flag(help: "Empty a repository whose snapshots were all removed on purpose; without this flag, that is refused.") var empty = false
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
                packs: \(report.packsKept) kept, \(report.packsRemoved) \(dryRun ? "would be " : "")removed, \(report.packsRepacked) \
                \(dryRun ? "would be " : "")written anew (\(size(report.bytesRepacked)))
                \(size(report.bytesReclaimed)) \(dryRun ? "would be freed" : "freed"), \(size(report.bytesUnused)) stay unused
                """
            if report.packsRetained > 0 {
                text += "\nnot needed, but kept by the store for a time (object lock): \(report.packsRetained.counted("pack"))"
            }
            if report.unfinished.count > 0 {
                text +=
                    "\nremains of \(report.unfinished.count.counted("unfinished upload")) removed too (\(size(report.unfinished.bytes)))"
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
