import Basics
import ArgumentParser
import FlowControl
import FlowModel

extension JobsCommand {
    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "watch", abstract: "Follows a job to its end and exits with its status.")
        @OptionGroup var options: JobOptions

        func run() async throws {
            try await options.withJob { control, job in
                let watch = JobWatch(control: control, job: job, databaseWait: options.database.wait)
                let detail = try await watch.follow()
                watch.conclude(detail)
                if detail.exitStatus != .succeeded { throw CommandFailure(detail.exitStatus) }
            }
        }
    }
}
