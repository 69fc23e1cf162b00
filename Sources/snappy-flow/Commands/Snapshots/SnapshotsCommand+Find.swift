import ArgumentParser
import Basics
import Glibc
import Repository
import Steps
import StorageKit

extension SnapshotsCommand {
    struct Find: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "find", abstract: "Finds files in all snapshots or some, by name or content.",
            discussion: """
                A pattern without / matches names at any depth (*.conf), one with / whole paths. Or give what a check named: --blob, \
                --tree. Exit status 1 if nothing was found.
                """)
        @Argument(help: "Names or patterns; *, ? and [a-z] mean what they do in the shell.") var patterns: [String] = []
        @Option(help: "Only in this snapshot: latest, or an id or its beginning. May be repeated.") var snapshot: [String] =
            []
        @Flag(help: "Ignore upper and lower case.") var ignoreCase = false
        @Option(help: "Only what was modified at this time or later (2026-11-23 or 2026-11-23T04:00:00Z).") var newerThan: String?
        @Option(help: "Only what was modified before this time.") var olderThan: String?
        @Option(help: "Files that contain the blob with this id or beginning. May be repeated.") var blob: [String] = []
        @Option(help: "Folders that are the tree with this id or beginning. May be repeated.") var tree: [String] = []
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var filter: SnapshotFilterOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard !patterns.isEmpty || !blob.isEmpty || !tree.isEmpty else { throw ValidationError("give a pattern, --blob or --tree") }
        }

        func run() async throws {
            let opened = try await place.open()
            let from = try newerThan.map { try SnapshotTime.parse($0, at: "--newer-than") }
            let until = try olderThan.map { try SnapshotTime.parse($0, at: "--older-than") }
            let finder = try await SnapshotFinder(opened, filter.filter)
            let chosen = try finder.several(snapshot)
            // What is looked for may be in one of these.
            if snapshot.isEmpty { finder.sayDamaged() }
            let browser = try await opened.repository.browser()
            var listing = StreamedListing(output.output)
            var found = 0
            for snapshot in chosen {
                try await browser.walk(snapshot) { entry in
                    guard matches(entry), isInTime(entry, from, until) else { return }
                    found += 1
                    listing.add(entry.row.merging(["snapshot": .string(snapshot.id)]), orLine: "\(snapshot.shortID) \(entry.line)")
                }
            }
            listing.end()
            if found == 0 {
                throw CommandFailure(
                    .failed, "error: expected something of that kind in \(chosen.count.counted("snapshot")), found nothing")
            }
        }

        private func matches(_ entry: SnapshotEntry) -> Bool {
            if blob.contains(where: { text in entry.blobs.contains { $0.hasPrefix(text.lowercased()) } }) { return true }
            if tree.contains(where: { entry.subtree?.hasPrefix($0.lowercased()) ?? false }) { return true }
            // Bytes, as the shell matches them: a name need not be text.
            let name = (entry.path.parts.last?.bytes ?? []).asCString
            let path = ([UInt8(ascii: "/")] + entry.path.bytes).asCString
            return patterns.contains { pattern in
                let isPath = pattern.contains("/")
                let flags = (ignoreCase ? 1 << 4 : 0) | (isPath ? FNM_PATHNAME : 0)  // FNM_CASEFOLD is shown to GNU sources only
                return fnmatch(pattern, isPath ? path : name, flags) == 0
            }
        }

        private func isInTime(_ entry: SnapshotEntry, _ from: Instant?, _ until: Instant?) -> Bool {
            guard let time = entry.metadata.map({ Instant($0.modified) }) else { return from == nil && until == nil }
            return (from.map { time >= $0 } ?? true) && (until.map { time < $0 } ?? true)
        }
    }
}

extension [UInt8] {
    fileprivate var asCString: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}
