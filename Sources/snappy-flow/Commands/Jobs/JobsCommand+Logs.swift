import Basics
import ArgumentParser
import FlowControl
import FlowModel
import StepKit

extension JobsCommand {
    struct Logs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "logs", abstract: "Shows what the steps have logged.")
        @OptionGroup var options: JobOptions
        @Option(help: "Only this step.") var step: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var listing = Listing(columns: ["time", "step", "try", "level", "message"])
            try await options.withJob { control, job in
                var cursor: String?
                repeat {
                    let page = try await control.logs(of: job, step: step.map { StepID($0) }, cursor: cursor)
                    cursor = page.next
                    for line in page.items {
                        listing.add(
                            [line.at.instant.clock, line.step.rawValue, "\(line.attempt)", line.level.rawValue, line.message],
                            try JSONValue(encoding: line))
                    }
                } while cursor != nil
            }
            print(listing.text(output.output))
        }
    }
}
