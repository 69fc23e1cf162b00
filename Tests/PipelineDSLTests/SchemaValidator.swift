import Basics
import Foundation
import Testing

/// PyPI's jsonschema, the independent judge of our schemas.
struct SchemaValidator {
    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator
        task = json.load(sys.stdin)
        result = []
        for one in task:
            Draft202012Validator.check_schema(one["schema"])
            validator = Draft202012Validator(one["schema"])
            result.append([validator.is_valid(document) for document in one["documents"]])
        print(json.dumps(result))
        """

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The interpreter that `make test` prepared, else the machine's own when it has the package.
    private static var python: [String] {
        let prepared = root.appending(path: ".venv-tests/bin/python").path
        return FileManager.default.isExecutableFile(atPath: prepared) ? [prepared] : ["/usr/bin/env", "python3"]
    }

    /// For each document, whether it is valid. Throws when the schema itself is wrong, or jsonschema is missing.
    static func validate(_ documents: [JSONValue], by schema: JSONValue) async throws -> [Bool] {
        try #require(try await validate([(schema, documents)]).first)
    }

    /// Several schemas by one process: starting it takes longer than its work.
    static func validate(_ tasks: [(schema: JSONValue, documents: [JSONValue])]) async throws -> [[Bool]] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "schema-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let task = JSONValue.array(tasks.map { ["schema": $0.schema, "documents": .array($0.documents)] })
        let files = ["in", "out", "err"].map { folder.appending(path: $0) }
        for (file, bytes) in zip(files, [task.canonicalBytes, [], []]) { try Data(bytes).write(to: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python[0])
        process.arguments = python.dropFirst() + ["-W", "ignore", "-c", script]
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        // Other tests need their threads: nothing blocks here.
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in done.resume() }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                done.resume(throwing: error)
            }
        }
        let errors = String(decoding: try Data(contentsOf: files[2]), as: UTF8.self)
        try #require(process.terminationStatus == 0, "`make test` installs jsonschema: \(errors)")
        return try JSONValue(parsing: Data(contentsOf: files[1])).decoded()
    }
}
