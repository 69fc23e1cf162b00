import ArgumentParser
import Basics
import PostgreSQL
import WorkflowEngine

extension DatabaseCommand {
    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Shows where the control database is, and the version of its schema.")
        @OptionGroup var database: DatabaseOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var listing = Listing(columns: ["what", "is"])
            func add(_ what: String, _ value: String) { listing.add([what, value], ["what": .string(what), "is": .string(value)]) }
            guard let named = try database.named else {
                let cluster = try EmbeddedCluster.standard()
                let status = try cluster.status()
                add("kind", "private PostgreSQL" + (status.major.map { " \($0)" } ?? ", not made yet: the first run makes it"))
                add("folder", cluster.path)
                add("log", cluster.logPath)
                add("server", status.processID.map { "runs as process \($0)" } ?? "stopped")
                add("in use", status.isInUse ? "yes" : "no")
                add("kept running", status.isKept ? "yes, until `db down`" : "no, stops when idle")
                if let room = cluster.room {
                    add(
                        "room",
                        "\(ByteCount(bytes: room.has).approximate), needs \(ByteCount(bytes: room.needs).approximate) before work begins")
                }
                if status.major != nil {
                    add(
                        "reserve",
                        status.hasReserve
                            ? "\(ByteCount(bytes: EmbeddedCluster.Room.reserve))"
                            : "none: the disk was full, or nearly is; free space and the next command makes it")
                }
                if status.processID != nil {
                    add("connects as", try await role(of: cluster))
                    try await addSchema(cluster.settings, add)
                }
                print(listing.text(output.output))
                return
            }
            add("kind", "named")
            add("place", "\(named)")
            try await addSchema(named, add)
            print(listing.text(output.output))
        }

        private func role(of cluster: EmbeddedCluster) async throws -> String {
            let role = cluster.settings.user ?? ""
            return try await cluster.connectsAsSuperuser()
                ? "\(role), a superuser still, as whoever is the server's user: `db down` and the next command change that"
                : "\(role), no superuser; only root and this user can"
        }

        private func addSchema(_ settings: ConnectionSettings, _ add: (String, String) -> Void) async throws {
            let connection = try await Connection.connect(settings)
            let version = await connection.serverVersion
            add("server version", "\(version / 10000).\(version % 10000)")
            add("schema", "version \(try await Migrator().version(connection)); this program has \(Migrator().latest)")
        }
    }

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "migrate", abstract: "Brings the schema to this program's version, or to an older one.",
            discussion: "Going back to version 0 removes every job. Commands migrate forward by themselves.")
        @OptionGroup var database: DatabaseOptions
        @Option(help: "The version to go to; by default, this program's.") var to: Int?

        func run() async throws {
            try await database.withControlDatabase { control in
                let connection = try await Connection.connect(control.settings)
                let before = try await Migrator().version(connection)
                try await Migrator().move(connection, to: to ?? Migrator().latest)
                print("schema: version \(before) before, \(try await Migrator().version(connection)) now")
            }
        }
    }
}
