import ArgumentParser
import Basics
import FlowControl
import FlowModel
import PipelineDSL

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Compiles a pipeline and hands it to the workers.",
        discussion: "Workers resolve only those secrets, programs and paths of a submitted pipeline that their allow-list names.")
    @OptionGroup var documents: PipelineOptions
    @OptionGroup var parameters: ParameterOptions
    @OptionGroup var database: DatabaseOptions
    @Flag(help: "Wait for the job to end, and exit with its status.") var wait = false

    func run() async throws {
        let compiled = try documents.compileOne()
        let prepared = try PreparedJob(
            compiled.plan, parameters: parameters.values(for: compiled.plan), catalog: Composition.catalog)
        try await database.withFlowControl { control in
            let job = try await control.submit(prepared)
            print(job)
            guard wait else { return }
            let watch = JobWatch(control: control, job: job, databaseWait: database.wait)
            let detail = try await watch.follow()
            watch.conclude(detail)
            if detail.exitStatus != .succeeded { throw CommandFailure(detail.exitStatus) }
        }
    }
}
