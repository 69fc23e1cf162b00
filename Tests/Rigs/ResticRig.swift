import Foundation
import Threads

/// The stock restic program on a repository of the test's own: the judge of interoperability.
public struct ResticRig: Sendable {
    public let repository: String
    public let password: String
    private let cache: String
    private let environment: [String: String]

    public struct Failure: Error, CustomStringConvertible {
        public var description: String
        public init(description: String) { self.description = description }
    }

    public struct Result: Sendable {
        public var status: Int32
        public var output: String
        public var errors: String
    }

    /// `cache` is a private folder; `environment` is what restic needs besides: a store's keys. Fails when restic is not installed: `make test` installs it.
    public init(repository: String, password: String, cache: String, environment: [String: String] = [:]) throws {
        guard FileManager.default.isExecutableFile(atPath: Self.program) else {
            throw Failure(description: "expected the restic program at \(Self.program), found none; install the package restic")
        }
        self.repository = repository
        self.password = password
        self.cache = cache
        self.environment = environment
    }

    private static let program = "/usr/bin/restic"

    /// Runs restic and returns whatever came of it.
    public func run(_ arguments: [String], environment extra: [String: String] = [:]) async throws -> Result {
        try await BlockingPool(label: "restic", width: 1).run { try wait(arguments, environment: extra) }
    }

    private func wait(_ arguments: [String], environment extra: [String: String]) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = arguments
        var environment = environment.merging([
            "RESTIC_REPOSITORY": repository, "RESTIC_PASSWORD": password, "RESTIC_CACHE_DIR": cache, "PATH": "/usr/bin:/bin", "TZ": "UTC",
            "HOME": cache,
        ]) { $1 }
        environment.merge(extra) { $1 }
        process.environment = environment
        let folder = URL(fileURLWithPath: cache)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let output = folder.appending(path: "out-\(UUID().uuidString)")
        let errors = folder.appending(path: "err-\(UUID().uuidString)")
        for file in [output, errors] { try Data().write(to: file) }
        defer { for file in [output, errors] { try? FileManager.default.removeItem(at: file) } }
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    /// Runs restic, which must succeed; returns what it printed.
    @discardableResult
    public func succeed(_ arguments: String..., environment: [String: String] = [:]) async throws -> String {
        let result = try await run(arguments, environment: environment)
        guard result.status == 0 else {
            throw Failure(
                description: "restic \(arguments.joined(separator: " ")) ended with \(result.status): \(result.errors)\(result.output)")
        }
        return result.output
    }
}
