import Crypto
import Basics
import FlowModel
import Foundation
import StepKit
import Steps
import StorageKit

/// upload-bench TYPE SETTINGS.json FOLDER CONNECTIONS: stores every file of a folder as a pack of a repository of that type, so many at once, for timing
/// beside `rclone copy`. A pack is hashed first, as a copy does: its hash is its name.
let arguments = CommandLine.arguments
guard arguments.count == 5, let connections = Int(arguments[4]), let type = Catalog.standard.repository(arguments[1]) else {
    print("usage: upload-bench TYPE SETTINGS.json FOLDER CONNECTIONS")
    exit(2)
}
let values = try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: arguments[2]))).objectValue ?? [:]
let store = try await type.open(Settings(values, origin: "settings"), StoreContext(secrets: FileSecrets()))
try await store.create()
let folder = arguments[3]
let files = try FileManager.default.contentsOfDirectory(atPath: folder)
try await withThrowingTaskGroup(of: Void.self) { group in
    for (index, file) in files.enumerated() {
        if index >= connections { try await group.next() }
        group.addTask {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file)))
            let name = SHA256.digest(bytes).hex
            try await store.put(ObjectName("data/\(name.prefix(2))/\(name)"), bytes)
        }
    }
    try await group.waitForAll()
}

struct FileSecrets: SecretResolver {
    func problem(with reference: SecretReference) -> StepError? { nil }

    func resolve(_ reference: SecretReference) throws(StepError) -> Secret {
        guard case .file(let path) = reference, let data = FileManager.default.contents(atPath: path) else {
            throw StepError(.secretMissing, expected: "a file", found: "none", at: "\(reference)")
        }
        return Secret(bytes: Array(data))
    }
}
