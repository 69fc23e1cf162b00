import ArgumentParser
import Basics
import Repository
import Steps

extension SnapshotsCommand {
    struct Tag: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "tag", abstract: "Changes the tags of snapshots.",
            discussion: """
                With its new tags a snapshot gets a new id; its field `original` keeps the first one. Retention and proofs recognize a \
                snapshot by its tags pipeline:, system:, job: and step:, so change those only if you mean to.
                """)
        @Argument(help: "Ids of snapshots or their beginnings, or latest.") var snapshots: [String]
        @Option(help: "This tag instead of all that it has; '' for none. May be repeated.") var set: [String] = []
        @Option(help: "Add this tag. May be repeated.") var add: [String] = []
        @Option(help: "Remove this tag. May be repeated.") var remove: [String] = []
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions

        func validate() throws {
            guard !set.isEmpty || !add.isEmpty || !remove.isEmpty else { throw ValidationError("give --set, --add or --remove") }
            guard set.isEmpty || add.isEmpty && remove.isEmpty else { throw ValidationError("--set stands alone") }
            guard !(add + remove).contains("") else { throw ValidationError("a tag is not empty") }
        }

        func run() async throws {
            let opened = try await place.open()
            let chosen = try await SnapshotFinder(opened, filter.filter).several(snapshots)
            let change = TagChange(set: set.isEmpty ? nil : set.filter { !$0.isEmpty }, add: add, remove: remove)
            let changed = try await opened.repository.changeTags(of: chosen, change)
            for snapshot in changed {
                print("\(snapshot.original?.prefix(8) ?? "") is now \(snapshot.shortID): \(snapshot.tags.joined(separator: " ").printable)")
            }
            print("\(changed.count) of \(chosen.count.counted("snapshot")) changed")
        }
    }
}
