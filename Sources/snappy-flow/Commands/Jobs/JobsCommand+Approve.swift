import Basics
import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct ApproveStep: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "approve", abstract: "Answers a step that waits for approval.")
        @OptionGroup var options: JobOptions
        @Argument(help: "The step's id.") var step: String
        @Flag(help: "Say no: the step fails.") var deny = false
        @Option(help: "Who answers; by default, this user with their groups.") var by: String?

        func run() async throws {
            let requester = by.map { Requester(name: $0) } ?? Person.requester
            let answer = try await options.withJob { control, job in
                let step = StepID(step)
                return try await deny ? control.refuse(step, of: job, by: requester) : control.approve(step, of: job, by: requester)
            }
            print("job \(answer.job.short), step \(step): \(deny ? "denied" : "approved")")
        }
    }
}
