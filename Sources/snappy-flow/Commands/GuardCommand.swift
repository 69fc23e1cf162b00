import ArgumentParser
import Foundation
import StepKit
import Steps
import WorkflowEngine

/// The freeze guard's process; started by a worker, never by hand.
struct GuardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "guard", abstract: "Thaws when nobody else does.", shouldDisplay: false)

    @Option(help: "The freeze that it watches: for whoever looks for it among the processes.") var freeze: String

    func run() async throws {
        let status = await FreezeGuard.main(catalog: Composition.catalog, secrets: EnvironmentSecrets())
        Foundation.exit(status)
    }
}
