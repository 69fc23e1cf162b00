import FlowModel
import Basics
import Foundation
import StepKit

/// A program to start: its arguments, environment and folder. Secrets travel in the environment alone, never as arguments.
struct ProgramCall: Sendable {
    /// The program, by name (looked up in PATH) or path, and its arguments.
    var arguments: [String]
    var environment: [String: String]
    var workingFolder: String
    var timeout: TimeSpan?
    /// Values that no log and no error may show.
    var hidden: [String] = []
    /// For errors: `step exec-report`, `system shop`.
    var origin: String

    /// `shell`: the first argument is a command line for `/bin/sh`, the others are its `$1`, `$2`, ...
    init(
        _ arguments: [String], shell: Bool = false, environment: [String: EnvironmentValue] = [:], workingFolder: String? = nil,
        timeout: TimeSpan? = nil, origin: String, _ context: SystemContext
    ) throws(StepError) {
        guard let program = arguments.first, !program.isEmpty else {
            throw StepError(.invalidSetting, expected: "a program and its arguments", found: "nothing", at: origin)
        }
        self.arguments = shell ? ["/bin/sh", "-c", program, "sh"] + arguments.dropFirst() : arguments
        self.workingFolder = workingFolder ?? "/"
        self.timeout = timeout
        self.origin = origin
        self.environment = Self.inherited
        self.environment["SNAPPY_FLOW_JOB"] = context.step?.job.rawValue
        self.environment["SNAPPY_FLOW_STEP"] = context.step?.step.rawValue
        self.environment["SNAPPY_FLOW_KEY"] = context.step?.key
        self.environment["SNAPPY_FLOW_SCRATCH"] = context.scratchFolder
        for (name, value) in environment {
            switch value {
            case .text(let text): self.environment[name] = text
            case .secret(let reference):
                let text = try context.secrets.resolve(reference).revealText()
                self.environment[name] = text
                if !text.isEmpty { hidden.append(text) }
            }
        }
    }

    /// For a step.
    init(
        _ arguments: [String], shell: Bool = false, environment: [String: EnvironmentValue] = [:], workingFolder: String? = nil,
        timeout: TimeSpan? = nil, origin: String, _ context: StepContext
    ) throws(StepError) {
        try self.init(
            arguments, shell: shell, environment: environment, workingFolder: workingFolder, timeout: timeout, origin: origin,
            context.system())
    }

    /// Of the worker's own environment a program gets only what says who and where it is: the rest may hold other pipelines' secrets.
    private static var inherited: [String: String] {
        let names: Set = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"]
        var kept = ProcessInfo.processInfo.environment.filter { names.contains($0.key) || $0.key.hasPrefix("LC_") }
        kept["PATH"] = kept["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return kept
    }

    /// The text without the values of secrets.
    func redacted(_ text: String) -> String {
        hidden.reduce(text) { $0.replacing($1, with: "<redacted>") }
    }

    /// The program's name, for people.
    var program: String { arguments[0] }
}

extension ProgramCall: SecretHolding {
    var shown: String { "program \(program), for \(origin)" }
}
