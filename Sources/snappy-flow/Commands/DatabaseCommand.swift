import ArgumentParser
import Basics
import PostgreSQL
import WorkflowEngine

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "The control database: a private PostgreSQL, or the one that you name.",
        subcommands: [Up.self, Down.self, Status.self, Migrate.self])

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "up", abstract: "Starts the private PostgreSQL and keeps it running until `db down`.")

        func run() async throws {
            let settings = try await EmbeddedCluster.standard().up()
            print("The private \(settings) runs until `snappy-flow db down`.")
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "down", abstract: "Stops the private PostgreSQL.")
        @Flag(help: "Stop it even if commands use it; their jobs go on when the commands, or a worker, come back.") var force = false

        func run() async throws {
            let stopped = try await EmbeddedCluster.standard().down(force: force)
            print(stopped ? "The private PostgreSQL is stopped." : "The private PostgreSQL was not running.")
        }
    }
}
