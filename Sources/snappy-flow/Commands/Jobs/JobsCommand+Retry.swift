import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry", abstract: "Continues a job from what failed; windows that are gone are taken again.")
        @OptionGroup var options: JobOptions

        func run() async throws {
            let answer = try await options.withJob { control, job in try await control.retry(job, by: Person.requester) }
            print("job \(answer.job.short): goes on where a worker is: `snappy-flow worker`, or the next `snappy-flow run`")
        }
    }
}
