import Basics
import FlowTestKit
import Foundation
import LogKit
import Logging
import PostgreSQL
import WorkflowEngine

/// What a test tells its worker process, as the one argument after `worker`.
struct Order: Decodable {
    var socketFolder: String
    var user: String
    var database: String
    var schema: String
    var folder: String
    var lease: Int64
    var host: String
}

switch CommandLine.arguments.dropFirst().first {
case "guard":
    exit(await FreezeGuard.main(catalog: TestCatalog.all, secrets: EnvironmentSecrets()))
case "worker":
    let order = try JSONDecoder().decode(Order.self, from: Data(CommandLine.arguments[2].utf8))
    var settings = ConnectionSettings(socketFolder: order.socketFolder, user: order.user, database: order.database)
    settings.searchPath = order.schema
    // The user of the tests.
    let store = try await EngineStore.open(settings, key: SealingKey(file: order.folder + "/jobs.key", maker: "test"))
    let configuration = WorkerConfiguration(
        host: order.host, lease: .milliseconds(order.lease), poll: .milliseconds(100), scratchFolder: order.folder + "/scratch",
        log: Logger(label: "worker", factory: { LogOutput(LogSettings(), environment: [:]).handler($0) }))
    let worker = Worker(configuration, store: store, catalog: TestCatalog.all)
    signal(SIGTERM, SIG_IGN)
    let termination = DispatchSource.makeSignalSource(signal: SIGTERM)
    termination.setEventHandler { Task { await worker.shutDown() } }
    termination.resume()
    let id = try await worker.register()
    FileHandle.standardOutput.write(Data("\(id)\n".utf8))
    try await worker.run()
default:
    FileHandle.standardError.write(Data("usage: flow-test-worker guard | worker JSON\n".utf8))
    exit(2)
}
