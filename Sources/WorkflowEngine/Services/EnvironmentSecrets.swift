import Foundation
public import Basics
public import FlowModel
import PostgreSQL
public import StepKit

/// Secrets from the worker's environment and from files, read at the moment of use.
public struct EnvironmentSecrets: SecretResolver {
    private let environment: [String: String]
    private let allowed: AllowList?

    /// `allowed`: nil where the document's author runs it on his own machine.
    /// `environment`: nil is the process's own.
    public init(environment: [String: String]? = nil, allowed: AllowList? = nil) {
        self.environment = environment ?? ClientEnvironment.whole
        self.allowed = allowed
    }

    /// Without reading a file: it is asked at every claim, and a pipe can be read once only.
    public func problem(with reference: SecretReference) -> StepError? {
        guard allowed?.allows(reference) ?? true else {
            return StepError(
                .secretMissing, expected: "a secret that this worker may serve", found: "a reference outside of its allow-list",
                at: "\(reference)", advice: "add it to the worker's allow-list")
        }
        switch reference {
        case .environment(let name):
            if let value = environment[name] { return value.isEmpty ? Self.empty(reference) : nil }
            return StepError(
                .secretMissing, expected: "the environment variable \(name)", found: "none", at: "\(reference)",
                advice: "set it where the worker is started")
        case .file(let path):
            guard FileManager.default.isReadableFile(atPath: path) else {
                return StepError(
                    .secretMissing, expected: "a readable file",
                    found: FileManager.default.fileExists(atPath: path) ? "one that this user can't read" : "none", at: "\(reference)",
                    advice: "create it, readable by the worker's user only")
            }
            let attributes = Self.attributes(path)
            let isEmpty = attributes?[.type] as? FileAttributeType == .typeRegular && attributes?[.size] as? Int == 0
            return isEmpty ? Self.empty(reference) : nil
        }
    }

    /// Whether it can be read as often as one likes.
    public func lasts(_ reference: SecretReference) -> Bool {
        switch reference {
        case .environment: true
        case .file(let path): Self.attributes(path)?[.type] as? FileAttributeType == .typeRegular
        }
    }

    private static func attributes(_ path: String) -> [FileAttributeKey: Any]? {
        try? FileManager.default.attributesOfItem(atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
    }

    public func resolve(_ reference: SecretReference) throws(StepError) -> Secret {
        if let problem = problem(with: reference) { throw problem }
        let bytes: [UInt8]
        switch reference {
        case .environment(let name): bytes = Array((environment[name] ?? "").utf8)
        case .file(let path): bytes = try Self.read(path)
        }
        guard !bytes.isEmpty else { throw Self.empty(reference) }
        return Secret(bytes: bytes)
    }

    /// A file that is still to be filled, a variable that was set to nothing: never a password that somebody meant.
    private static func empty(_ reference: SecretReference) -> StepError {
        StepError(
            .secretMissing, expected: "a secret", found: "an empty value", at: "\(reference)",
            advice: "put the secret there, then run again"
        )
    }

    /// Without the newline that editors leave at the end. Of UTF-16, which says so by its first bytes, nothing is taken off: who can use it decodes it.
    private static func read(_ path: String) throws(StepError) -> [UInt8] {
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            var bytes = [UInt8](try handle.read(upToCount: mostBytes + 1) ?? Data())
            guard bytes.count <= mostBytes else {
                throw StepError(.secretMissing, expected: "a secret of at most 1 MiB", found: "a larger file", at: "fromFile \(path)")
            }
            if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return bytes }
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

extension EnvironmentSecrets: SecretHolding {
    public var shown: String { "secrets of the environment and of files" }
}
