import ArgumentParser
import Basics
import Repository
import StorageKit

extension SnapshotsCommand {
    struct Ls: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "Lists what is in a snapshot, below a path.",
            discussion: "Printed as it is read: a snapshot of millions of files needs no memory for them.")
        @Argument(help: "latest, or a snapshot's id or its beginning.") var snapshot: String
        @Argument(help: "The path in the snapshot to list: a folder with all that is below it, or a file.") var path = "/"
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let opened = try await place.open()
            let snapshot = try await SnapshotFinder(opened, filter.filter).one(snapshot)
            var listing = StreamedListing(output.output)
            try await opened.repository.browser().walk(snapshot, below: TreePath(path)) { entry in
                listing.add(entry.row.merging(["snapshot": .string(snapshot.id)]), orLine: entry.line)
            }
            listing.end()
        }
    }
}
