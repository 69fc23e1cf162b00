import ArgumentParser
import Basics
import Repository

struct RepositoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repository", abstract: "Creates, checks, repairs and copies repositories. Needs no database.",
        subcommands: [
            Init.self, Check.self, Stats.self, Unlock.self, Key.self, Repair.self, Prune.self, Copy.self, Mirror.self, Migrate.self,
        ])

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init", abstract: "Creates an empty repository.",
            discussion: "The first copy does so too, unless the document says `create: false`.")
        @OptionGroup var place: RepositoryOptions

        func run() async throws {
            let repository = try await place.create()
            print("repository \(repository.id.prefix(10)) made at \(repository.location)")
        }
    }

    struct Stats: Interruptible {
        static let configuration = CommandConfiguration(
            commandName: "stats", abstract: "Shows what a repository holds, and how much of it snapshots use.")
        @OptionGroup var place: RepositoryOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (repository, _) = try await place.open()
            let found = try await repository.statistics()
            let figures: [(name: String, key: String, value: Int64, isSize: Bool)] = [
                ("snapshots", "snapshots", Int64(found.snapshots), false), ("keys", "keys", Int64(found.keys), false),
                ("packs", "packs", Int64(found.packs), false), ("stored", "storedBytes", found.storedBytes, true),
                ("in packs", "packBytes", found.packBytes, true), ("blobs in use", "usedBlobs", Int64(found.usedBlobs), false),
                ("in use, restored", "usedPlainBytes", found.usedPlainBytes, true),
                ("in use, stored", "usedStoredBytes", found.usedStoredBytes, true), ("unused", "unusedBytes", found.unusedBytes, true),
            ]
            var listing = Listing(columns: ["what", "how much"])
            for figure in figures {
                listing.add(
                    [figure.name, figure.isSize ? ByteCount(bytes: figure.value).approximate : "\(figure.value)"],
                    ["name": .string(figure.key), "value": .int(figure.value)])
            }
            print(listing.text(output.output))
            guard found.unreadableTrees == 0 else {
                throw CommandFailure(
                    .damaged,
                    "error: \(found.unreadableTrees.counted("tree")) can't be read, so what is in use is more than that; run `repository check`"
                )
            }
        }
    }

    struct Unlock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unlock", abstract: "Removes locks whose process is dead, and those not refreshed for 30 minutes.")
        @OptionGroup var place: RepositoryOptions
        @Flag(help: "Remove every lock. Do so only if you know that no program works on the repository, on any host.") var all = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (repository, _) = try await place.open()
            let count = try await repository.removeLocks(all: all)
            output.print(["removed": .int(Int64(count))], orText: "\(count.counted("lock")) removed")
        }
    }
}
