import ArgumentParser
import PluginHost
import StepKit
import Steps
import WorkflowEngine

/// A process in which plug-ins of a native library run; started by a worker, never by hand.
struct HostPluginCommand: ParsableCommand {
    static let name = "host-plugin"
    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Runs a plug-in's library apart from its worker.", shouldDisplay: false)

    func run() { PluginServer.main(catalog: .standard(host: nil), secrets: EnvironmentSecrets()) }
}
