import Foundation

/// The built `snappy-flow` with private state, cache and runtime folders: what a user has on a fresh machine.
public final class FlowRig: Sendable {
    /// Everything of this rig; removed by `close`.
    public let folder: String
    private let environment: [String: String]

    public init(_ name: String) throws {
        folder = "/tmp/snappy-test-\(name)-\(UInt32.random(in: 0 ... .max))"
        let manager = FileManager.default
        var environment = ProcessInfo.processInfo.environment
        for (variable, part) in [("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("XDG_RUNTIME_DIR", "run")] {
            try manager.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
            environment[variable] = "\(folder)/\(part)"
        }
        environment["SNAPPY_FLOW_DATABASE"] = nil
        environment["NO_COLOR"] = "1"
        self.environment = environment
    }

    /// Stops the private database and removes the folder.
    public func close() {
        _ = try? run(["db", "down"])
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The folder's path with a relative one appended.
    public func path(_ relative: String) -> String { folder + "/" + relative }

    /// Writes a file with the folders above it and returns its path.
    @discardableResult
    public func write(_ relative: String, _ text: String) throws -> String {
        let path = path(relative)
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// A shipped document with its absolute places moved into the rig's folder.
    public func place(_ document: String) throws -> String {
        var text = try String(contentsOfFile: document, encoding: .utf8)
        for place in ["/srv/", "/backup/", "/etc/snappy-flow/"] {
            text = text.replacingOccurrences(of: place, with: folder + place)
        }
        return try write("documents/" + (document as NSString).lastPathComponent, text)
    }

    /// Runs the program to its end.
    public func run(_ arguments: [String], environment extra: [String: String] = [:]) throws -> FlowOutcome {
        try start(arguments, environment: extra).wait()
    }

    /// Starts the program; the caller waits for it or ends it. `through`: a program that starts it, with its arguments.
    public func start(_ arguments: [String], environment extra: [String: String] = [:], through: [String] = []) throws -> FlowProcess {
        try FlowProcess(through + [Self.binary] + arguments, environment: environment.merging(extra) { _, new in new }, folder: folder)
    }

    /// The repository's own root: Package.swift's folder.
    public static var packageRoot: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }

    /// The program beside the test bundle, or the one that is to be tested instead: an optimised one, say.
    public static var binary: String {
        if let other = ProcessInfo.processInfo.environment["SNAPPY_FLOW_TESTED"] { return other }
        return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "snappy-flow").path
    }
}

public struct FlowOutcome: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
    /// Ended by this signal instead of by an exit.
    public var signal: Int32?
}

/// A running `snappy-flow`.
public final class FlowProcess: @unchecked Sendable {  // Process is used by one test at a time; the files are written by the child
    private let process = Process()
    private let outputPath: String
    private let errorPath: String

    init(_ arguments: [String], environment: [String: String], folder: String) throws {
        let number = UInt32.random(in: 0 ... .max)
        outputPath = "\(folder)/out-\(number)"
        errorPath = "\(folder)/err-\(number)"
        for path in [outputPath, errorPath] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.executableURL = URL(fileURLWithPath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
        try process.run()
    }

    public var pid: Int32 { process.processIdentifier }
    public var isRunning: Bool { process.isRunning }
    public var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
    public var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

    public func send(_ signal: Int32) { kill(pid, signal) }

    public func wait() -> FlowOutcome {
        process.waitUntilExit()
        let ended = process.terminationReason == .uncaughtSignal
        return FlowOutcome(
            status: process.terminationStatus, output: output, errors: errors, signal: ended ? process.terminationStatus : nil)
    }
}
