import Foundation
import PackagePlugin

/// Turns the `*.sql` of a target's folders `Queries` and `Migrations` (below `Store`, `PostgreSQL`, `SQL` or `Embedded`) into one generated
/// Swift file, so that the binary carries its SQL and needs no resource folder beside it. (`.embedInCode` takes minutes for such texts.)
@main
struct EmbedSQL: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let places = ["Store/Queries", "Store/Migrations", "PostgreSQL/Queries", "SQL/Queries", "Embedded/Queries"].map {
            target.directoryURL.appending(path: $0)
        }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
        var inputs: [URL] = []
        for folder in places where FileManager.default.fileExists(atPath: folder.path) {
            let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            inputs += files.filter { $0.pathExtension == "sql" }
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
