import Foundation

// embed-sql OUTPUT INPUT...: writes `enum EmbeddedSQL` with one dictionary per folder, file name (without .sql) to text.
let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("embed-sql: expected OUTPUT INPUT...\n".utf8))
    exit(2)
}
var folders: [String: [(name: String, text: String)]] = ["Queries": [], "Migrations": []]
for path in arguments.dropFirst() {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent().lastPathComponent
    let text = try String(contentsOf: url, encoding: .utf8)
    guard !text.contains("\"\"\"##") else {
        FileHandle.standardError.write(Data("\(path): contains the literal's own end mark\n".utf8))
        exit(1)
    }
    folders[folder, default: []].append((url.deletingPathExtension().lastPathComponent, text))
}
var source = "/// Generated from the target's SQL files.\nenum EmbeddedSQL {\n"
for (folder, files) in folders.sorted(by: { $0.key < $1.key }) {
    source += "    static let \(folder.lowercased()): [String: String] = ["
    if files.isEmpty { source += ":" }
    source += "\n"
    for file in files {
        source += "        \"\(file.name)\": ##\"\"\"\n\(file.text)\n\"\"\"##,\n"
    }
    source += "    ]\n"
}
source += "}\n"
try source.write(toFile: output, atomically: true, encoding: .utf8)
