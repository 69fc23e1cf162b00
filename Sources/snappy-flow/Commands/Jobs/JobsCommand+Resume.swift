import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume", abstract: "Resumes a job that was set aside because its rows could not be read.",
            discussion:
                "Mend the rows first: `jobs show` says what is wrong, docs/database.md how to mend it. What is still wrong is reported."
        )
        @OptionGroup var options: JobOptions

        func run() async throws {
            let answer = try await options.withJob { control, job in try await control.resume(job, by: Person.requester) }
            print("job \(answer.job.short): " + (answer.isChanged ? "goes on where a worker is" : "it was not set aside"))
        }
    }
}
