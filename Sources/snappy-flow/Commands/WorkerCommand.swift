import ArgumentParser
import Basics
import LogKit
import Logging
import PostgreSQL
import StepKit
import WorkflowEngine

struct WorkerCommand: AsyncParsableCommand, LoggingCommand {
    static let logLevel = Logger.Level.info

    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Claims and executes submitted steps, and takes over what dead processes left.",
        discussion: """
            Submitted jobs reach only what is allowed here: by default, nothing. So do jobs left by the `run` of another user or \
            machine. After SIGTERM or Ctrl-C nothing more is claimed; running steps get the grace time to end and are then given back \
            without using up an attempt; a second signal gives them back at once. While the private database's disk has too little room, \
            no job begins; what is held is undone, and what has begun goes on.
            """)
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var log: LogOptions
    @Option(help: "Maximum number of steps at once; undos and windows have slots of their own.") var slots = 4
    @Option(help: "A label NAME=VALUE, which steps ask for with `runOn`. May be repeated.") var label: [String] = []
    @Option(help: "A folder that submitted pipelines may read, write and take secrets from. May be repeated.") var allow: [String] = []
    @Option(help: "A program that submitted pipelines may run. May be repeated.") var allowProgram: [String] = []
    @Option(help: "An environment variable that submitted pipelines may take a secret from. May be repeated.") var allowVariable: [String] =
        []
    @Flag(
        help: ArgumentHelp(
            "Take over local jobs of other users and machines as if this user had made them.",
            discussion:
                "Without it, they are held to what is allowed. With it, anybody who can write to the control database runs programs as this user."
        ))
    var adoptLocal = false
    @Option(help: "How long running steps may go on after SIGTERM, such as 30s.") var grace = "30s"

    func validate() throws {
        if slots < 1 { throw ValidationError("--slots: expected at least 1, found \(slots)") }
        if TimeSpan(grace) == nil { throw ValidationError("--grace: expected a time such as 30s, found \(grace)") }
        for text in label where !text.contains("=") { throw ValidationError("--label: expected NAME=VALUE, found \(text)") }
        for path in allow where !path.hasPrefix("/") { throw ValidationError("--allow: expected an absolute path, found \(path)") }
    }

    func run() async throws {
        try await database.withControlStore(key: Composition().sealingKey()) { try await work(in: $0) }
    }

    private func work(in store: EngineStore) async throws {
        var labels: [String: String] = [:]
        for text in label {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            labels[String(parts[0])] = String(parts[1])
        }
        let allowed = AllowList(environment: Set(allowVariable), secretFiles: allow, programs: Set(allowProgram), paths: allow)
        let cluster = try database.named == nil ? EmbeddedCluster.standard() : nil
        let worker = try Composition().worker(
            store, scope: .fleet, labels: labels, slots: slots, allowed: allowed, adoptsLocal: adoptLocal,
            needingRoomOf: cluster)
        let log = Logger(label: "worker")
        let room = try await RoomCheck.of(nil, database: database)
        log.notice("\(room.summary)")
        let id = try await worker.register()
        log.of(worker: id.rawValue).notice("begins, on \(store.place)")
        let grace = TimeSpan(grace) ?? .seconds(30)
        let interrupts = Interrupts()
        defer { withExtendedLifetime(interrupts) {} }
        let counts = interrupts.counts
        let signals = Task {
            for await count in counts { await worker.shutDown(grace: count == 1 ? grace : .milliseconds(0)) }
        }
        defer { signals.cancel() }
        try await worker.run()
    }
}
