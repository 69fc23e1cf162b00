import Foundation
public import FlowModel
public import StepKit

/// Secrets from the worker's environment and from files, read at the moment of use.
public struct EnvironmentSecrets: SecretResolver {
    private let environment: [String: String]
    private let allowed: AllowList?

    /// `allowed`: nil where the document's author runs it on his own machine.
    /// `environment`: nil is the process's own.
    public init(environment: [String: String]? = nil, allowed: AllowList? = nil) {
        self.environment = environment ?? ProcessInfo.processInfo.environment
        self.allowed = allowed
    }

    public func canResolve(_ reference: SecretReference) -> Bool {
        guard allowed?.allows(reference) ?? true else { return false }
        switch reference {
        case .environment(let name): return environment[name] != nil
        case .file(let path): return FileManager.default.isReadableFile(atPath: path)
        }
    }

    public func resolve(_ reference: SecretReference) throws(StepError) -> Secret {
        guard allowed?.allows(reference) ?? true else {
            throw StepError(
                .secretMissing, expected: "a secret that this worker may serve", found: "a reference outside of its allow-list",
                at: "\(reference)", advice: "add it to the worker's allow-list")
        }
        switch reference {
        case .environment(let name):
            guard let value = environment[name] else {
                throw StepError(
                    .secretMissing, expected: "the environment variable \(name)", found: "none", at: "\(reference)",
                    advice: "set it where the worker is started")
            }
            return Secret(bytes: Array(value.utf8))
        case .file(let path): return Secret(bytes: try Self.read(path))
        }
    }

    /// Without the newline that editors leave at the end.
    private static func read(_ path: String) throws(StepError) -> [UInt8] {
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            var bytes = [UInt8](try handle.read(upToCount: mostBytes + 1) ?? Data())
            guard bytes.count <= mostBytes else {
                throw StepError(.secretMissing, expected: "a secret of at most 1 MiB", found: "a larger file", at: "fromFile \(path)")
            }
            if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
            return bytes
        } catch let error as StepError {
            throw error
        } catch {
            throw StepError(
                .secretMissing, expected: "a readable file", found: error.localizedDescription, at: "fromFile \(path)",
                advice: "create it, readable by the worker's user only")
        }
    }

    private static let mostBytes = 1 << 20
}
