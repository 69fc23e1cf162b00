import Foundation
import PackagePlugin

/// Turns the `*.sql` of a target's folders named `Queries` and `Migrations`, wherever they lie in it, into one generated Swift file, so that the
/// binary carries its SQL and needs no resource folder beside it. (`.embedInCode` takes minutes for such texts.)
@main
struct EmbedSQL: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
        var inputs: [URL] = []
        for case let file as URL in FileManager.default.enumerator(at: target.directoryURL, includingPropertiesForKeys: nil) ?? .init()
        where file.pathExtension == "sql" && ["Queries", "Migrations"].contains(file.deletingLastPathComponent().lastPathComponent) {
            inputs.append(file)
        }
        inputs.sort { $0.path < $1.path }
        return [
            .buildCommand(
                displayName: "Embedding \(inputs.count) SQL files",
                executable: try context.tool(named: "embed-sql").url,
                arguments: [output.path] + inputs.map(\.path),
                inputFiles: inputs,
                outputFiles: [output])
        ]
    }
}
