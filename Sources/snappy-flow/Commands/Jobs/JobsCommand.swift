import Basics
import ArgumentParser
import FlowControl
import FlowModel

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Jobs in the control database.",
        subcommands: [List.self, Show.self, Logs.self, Watch.self, Cancel.self, Retry.self, Abandon.self, ApproveStep.self, Resume.self],
        defaultSubcommand: List.self)
}

/// One job of the control database, named by its id or the beginning or end of it.
struct JobOptions: ParsableArguments {
    @Argument(help: "The job's id, or enough of its beginning or end.") var job: String
    @OptionGroup var database: DatabaseOptions

    func withJob<Value>(_ body: (FlowControl, JobID) async throws -> Value) async throws -> Value {
        try await database.withFlowControl { control in try await body(control, try await control.find(job)) }
    }
}
