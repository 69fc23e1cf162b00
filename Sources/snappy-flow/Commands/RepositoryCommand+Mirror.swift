import ArgumentParser
import Basics
import Repository

extension RepositoryCommand {
    struct Mirror: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "mirror", abstract: "Makes the two stores of a mirrored repository hold the same objects.",
            discussion: """
                What one of them lacks, or has with another size, is copied from the other and proved by its name. Run it once if a \
                repository gets a mirror after its first copy, and whenever a store was away. Backups may run beside it; if it is cut \
                off, start it again and it goes on.
                """)
        @OptionGroup var place: RepositoryOptions
        @Flag(name: .customLong("read-data"), help: "Read every object of both stores, and replace those that are damaged.") var readData =
            false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (repository, _) = try await place.open()
            let meter = ProgressLine(terminal: Terminal())
            let report = try await repository.fillMirror(readsData: readData) { progress in
                meter.show("\(progress.same) are the same  \(progress.copied) copied, \(ByteCount(bytes: progress.bytes).approximate)")
            }
            meter.clear()
            output.print(
                [
                    "same": .int(Int64(report.same)), "copied": .int(Int64(report.copied)), "bytes": .int(report.bytes),
                    "lost": .array(report.lost.map { .string($0) }),
                ],
                orText: "\(report.copied.counted("object")) copied, \(ByteCount(bytes: report.bytes).approximate); \(report.same) the same")
            guard report.lost.isEmpty else {
                throw CommandFailure(
                    .damaged,
                    "error: whole in neither store: \(report.lost.sorted().joined(separator: ", ")); run `repository check`, then `repository repair`"
                )
            }
        }
    }
}
