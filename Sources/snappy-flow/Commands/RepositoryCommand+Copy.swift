import ArgumentParser
import Basics
import Repository
import StorageKit

extension RepositoryCommand {
    struct Copy: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "copy", abstract: "Copies snapshots into another repository of the document, as a second copy.",
            discussion: """
                The other repository is created if it does not exist, and has a password and a key of its own. What it already has is \
                not sent. If a copy is cut off, start it again and it goes on.
                """)
        @Argument(help: "Ids of snapshots or their beginnings, or latest; by default, every snapshot that the options below admit.")
        var snapshots: [String] = []
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @Option(name: .customLong("to"), help: "The name of the other repository.") var target: String

        func run() async throws {
            let opened = try await place.open()
            let finder = try await SnapshotFinder(opened, filter.filter)
            if snapshots.isEmpty { try finder.requireWhole() }
            let chosen = try finder.several(snapshots)
            let other = try await place.open(other: target, creating: true)
            let meter = ProgressLine(terminal: Terminal())
            let report = try await opened.repository.copy(chosen, to: other) { progress in
                meter.show(
                    "\(progress.snapshotsDone) of \(progress.snapshotsTotal.counted("snapshot"))  \(ByteCount(bytes: progress.bytesDone).approximate) of \(ByteCount(bytes: progress.bytesTotal).approximate)"
                )
            }
            meter.clear()
            for snapshot in report.copied { print("\(snapshot.original?.prefix(8) ?? "") copied as \(snapshot.shortID)") }
            print(
                "\(report.copied.count.counted("snapshot")) copied, \(report.skipped.count) already there, \(ByteCount(bytes: report.bytes).approximate) stored"
            )
        }
    }

    struct Migrate: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "migrate", abstract: "Brings a repository of format version 1 to version 2, which compresses.",
            discussion:
                "What is stored stays as it is. restic 0.14 and later read version 2. A check comes first; damage forbids the migration.")
        @OptionGroup var place: RepositoryOptions

        func run() async throws {
            let (repository, _) = try await place.open()
            let report = try await repository.check()
            guard report.isSound else {
                throw CommandFailure(.damaged, "error: the repository is damaged; run `repository check`, and repair it first")
            }
            print(
                try await repository.migrate()
                    ? "the repository has version 2 now" : "the repository has version 2 already; nothing to do")
        }
    }
}
