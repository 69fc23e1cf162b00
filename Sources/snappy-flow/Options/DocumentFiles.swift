import Basics
import Foundation

/// Reads the documents that a command is given: files, and the `.yaml` and `.yml` files of folders, not deeper.
struct DocumentFiles {
    var paths: [String]

    /// Larger ones are refused before they are read.
    static let sizeLimit = 64 << 20

    /// Path and bytes of each, in the order given; a folder's in order of names.
    func read() throws -> [(path: String, bytes: [UInt8])] {
        try paths.flatMap { path -> [(path: String, bytes: [UInt8])] in
            if path == "-" { return [("<stdin>", Array(FileHandle.standardInput.readDataToEndOfFile()))] }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw CommandFailure(.usage, "error: \(path): expected a file or folder, found nothing there")
            }
            guard isFolder.boolValue else { return [(path, try Self.bytes(of: path))] }
            let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }
            guard !names.isEmpty else { throw CommandFailure(.usage, "error: \(path): expected *.yaml files in the folder, found none") }
            return try names.sorted().map { (path + "/" + $0, try Self.bytes(of: path + "/" + $0)) }
        }
    }

    private static func bytes(of path: String) throws -> [UInt8] {
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        guard size <= sizeLimit else {
            throw CommandFailure(.usage, "error: \(path): expected a document of at most \(sizeLimit >> 20) MiB, found \(size >> 20) MiB")
        }
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw CommandFailure(.usage, "error: \(path): expected a readable file, found: \(error.localizedDescription)")
        }
    }
}
