import ArgumentParser
import Basics
import PipelineDSL
import StepKit
import Steps
import WorkflowEngine

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Compiles a pipeline and hands it to the workers.",
        discussion: "Workers resolve only those secrets, programs and paths of a submitted pipeline that their allow-list names.")
    @OptionGroup var documents: PipelineOptions
    @OptionGroup var parameters: ParameterOptions
    @OptionGroup var database: DatabaseOptions
    @Flag(help: "Wait for the end and exit with the job's status.") var wait = false

    func run() async throws {
        let compiled = try documents.compileOne()
        let definition = try JobDefinition.instantiate(
            compiled.plan, parameters: parameters.values(for: compiled.plan), catalog: Composition.catalog)
        let control = try await database.acquire()
        let store = try await control.openStore()
        let job = try await store.submit(
            JobSubmission(
                plan: definition.applied(to: compiled.plan),
                definition: RunDefinition(steps: definition.steps, windows: definition.windows), parameters: definition.parameters,
                origin: .submitted))
        try? await store.notify()
        print(job)
        guard wait else { return }
        let watch = JobWatch(store: store, job: job, databaseWait: database.wait)
        let details = try await watch.follow()
        watch.conclude(details)
        withExtendedLifetime(control) {}
        if details.run.exitStatus != .succeeded { throw CommandFailure(details.run.exitStatus) }
    }
}
