import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Stops a job and undoes what it acquired.")
        @OptionGroup var options: JobOptions

        func run() async throws {
            let answer = try await options.withJob { control, job in try await control.cancel(job, by: Person.requester) }
            let job = answer.job.short
            print(
                answer.isChanged
                    ? "job \(job): cancelling; `snappy-flow jobs watch \(job)` follows it"
                    : "job \(job): nothing to cancel: it is over, or being cancelled already")
        }
    }
}
