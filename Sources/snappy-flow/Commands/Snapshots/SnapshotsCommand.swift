import ArgumentParser
import FlowModel
import Repository

struct SnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshots", abstract: "Repository snapshots. Needs no database.",
        subcommands: [List.self, Show.self, Ls.self, Diff.self, Find.self, Dump.self, Tag.self],
        defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Every snapshot of a repository, the oldest first.")
        @OptionGroup var place: RepositoryOptions
        @Option(help: "With this tag only, such as pipeline:home. May be repeated.") var tag: [String] = []
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (repository, _) = try await place.open()
            var listing = Listing(columns: ["snapshot", "time", "host", "paths", "files", "size", "tags"])
            let list = try await repository.snapshotList()
            for snapshot in list.snapshots where tag.allSatisfy(snapshot.tags.contains) {
                let shown = snapshot.tags.filter { !$0.hasPrefix("job:") && !$0.hasPrefix("step:") }
                listing.add(
                    [
                        snapshot.shortID, snapshot.time.dateAndClock, snapshot.hostname, snapshot.paths.joined(separator: " "),
                        snapshot.summary.map { "\($0.filesProcessed)" } ?? "",
                        snapshot.summary.map { ByteCount(bytes: Int64($0.bytesProcessed)).approximate } ?? "", shown.joined(separator: " "),
                    ], snapshot.value)
            }
            print(listing.text(output.output))
            for problem in list.damaged { StandardError.write("damaged: \(problem)") }
            if !list.damaged.isEmpty { throw CommandFailure(.damaged) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Everything that one snapshot says of itself.")
        @Argument(help: "latest, or the id of a snapshot or its beginning.") var snapshot: String
        @OptionGroup var place: RepositoryOptions
        @Option(help: "json or yaml.") var output: OutputFormat = .yaml

        func run() async throws {
            let (repository, _) = try await place.open()
            let value = try await repository.snapshot(matching: snapshot).value
            print(output == .json ? value.prettyText : value.yamlText)
        }
    }
}

extension Snapshot {
    fileprivate var value: JSONValue {
        var value: [String: JSONValue] = [
            "id": .string(id), "time": .string(time.rfc3339), "tree": .string(tree), "paths": .array(paths.map { .string($0) }),
            "hostname": .string(hostname), "tags": .array(tags.map { .string($0) }), "parent": parent.map { .string($0) } ?? .null,
        ]
        if let summary {
            value["summary"] = [
                "filesNew": .int(Int64(summary.filesNew)), "filesChanged": .int(Int64(summary.filesChanged)),
                "filesUnmodified": .int(Int64(summary.filesUnmodified)), "filesProcessed": .int(Int64(summary.filesProcessed)),
                "bytesProcessed": .int(Int64(summary.bytesProcessed)), "dataAdded": .int(Int64(summary.dataAdded)),
            ]
        }
        return .object(value)
    }
}
