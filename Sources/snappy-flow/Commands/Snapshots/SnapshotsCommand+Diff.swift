import ArgumentParser
import Basics
import Repository
import Steps
import StorageKit

extension SnapshotsCommand {
    struct Diff: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "diff", abstract: "Shows what differs between two snapshots.",
            discussion:
                "+ added, - removed, M other content, T another kind of entry, U the same content with other metadata (--metadata).")
        @Argument(help: "latest, or a snapshot's id or its beginning.") var before: String
        @Argument(help: "The other snapshot.") var after: String
        @Flag(help: "Also show what differs only in metadata.") var metadata = false
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let opened = try await place.open()
            let repository = opened.repository
            let finder = try await SnapshotFinder(opened, filter.filter)
            let (before, after) = (try finder.one(before), try finder.one(after))
            var listing = StreamedListing(output.output)
            var count: [SnapshotChange.Kind: Int] = [:]
            var (added, removed): (Int64, Int64) = (0, 0)
            try await repository.browser().differences(from: before, to: after) { change in
                count[change.kind, default: 0] += 1
                added += Int64(clamping: change.after?.size ?? 0)
                removed += Int64(clamping: change.before?.size ?? 0)
                guard change.kind != .metadataChanged || metadata else { return }
                let isFolder = (change.after ?? change.before)?.type == "dir"
                let (word, end) = (Self.words[change.kind] ?? "", isFolder ? "/" : "")
                var row: [String: JSONValue] = ["change": .string(word), "path": .string("/\(change.path)\(end)")]
                if let bytes = change.path.unreadableBytes { row["pathBase64"] = .string(bytes) }
                listing.add(.object(row), orLine: "\(Self.letters[word] ?? "?")    /\(change.path.printable)\(end)")
            }
            listing.end()
            guard output.output == .table else { return }
            func number(_ kind: SnapshotChange.Kind) -> Int { count[kind] ?? 0 }
            print(
                """

                comparing \(before.shortID) to \(after.shortID): \(number(.added)) added, \(number(.removed)) removed, \
                \(number(.modified) + number(.typeChanged)) changed, \(number(.metadataChanged)) in metadata only
                files that differ: \(ByteCount(bytes: removed).approximate) before, \(ByteCount(bytes: added).approximate) after
                """)
        }

        private static let words: [SnapshotChange.Kind: String] = [
            .added: "added", .removed: "removed", .modified: "modified", .typeChanged: "typeChanged", .metadataChanged: "metadataChanged",
        ]
        private static let letters = ["added": "+", "removed": "-", "modified": "M", "typeChanged": "T", "metadataChanged": "U"]
    }
}
