import ArgumentParser
import Crypto
import Basics
import Foundation
import PostgreSQL

@main
struct SnappyFlow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snappy-flow",
        abstract: "Executes declared backups: quiesce, snapshot, copy, verify, prune, and the restore that proves them.",
        discussion: """
            A pipeline, written in YAML and kept in git, compiles into a plan; a run of the plan is a job; the job lives in PostgreSQL,
            step by step, and is carried to its end through crashes and restarts. Copies are restic repositories.

            Exit statuses:
            \(CommandStatus.table)
            """,
        version: Version.text,
        subcommands: commands)

    static func main() async {
        StandardStreams.open()
        ClientEnvironment.takeOut()
        CryptoMemory.useLargePages()
        CryptoMemory.staysToTheEnd()
        // A repository lock's holder is probed with SIGHUP (restic does it): it must not end us. A closed pipe is an error, not a death.
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        // Started for each job, with nothing to be parsed.
        if CommandLine.arguments.dropFirst().elementsEqual([HostPluginCommand.name]) { HostPluginCommand().run() }
        do {
            var command = try parseAsRoot()
            try ProgramLog.begin(for: command)
            if var asynchronous = command as? any AsyncParsableCommand {
                if let interruptible = asynchronous as? any Interruptible {
                    try await interruptible.runUntilInterrupted()
                } else {
                    try await asynchronous.run()
                }
            } else {
                try command.run()
            }
            try StandardOutput.requireWritten()
        } catch {
            end(with: error)
        }
    }

    /// Prints what went wrong and exits with the status of the table.
    private static func end(with error: any Error) -> Never {
        if let failure = error as? CommandFailure {
            if !failure.message.isEmpty { StandardError.write(lines: failure.message) }
            Foundation.exit(failure.status.rawValue)
        }
        if let explained = error as? any ExplainedError {
            StandardError.write(lines: ErrorReport(explained).text)
            Foundation.exit(ErrorReport(explained).status.rawValue)
        }
        if error is CancellationError {
            Foundation.exit(CommandStatus.interrupted.rawValue)
        }
        if exitCode(for: error) == .success {  // --help, --version
            print(fullMessage(for: error))
            Foundation.exit(0)
        }
        let message = fullMessage(for: error)
        StandardError.write(lines: message)
        Foundation.exit(exitCode(for: error) == .validationFailure ? CommandStatus.usage.rawValue : CommandStatus.failed.rawValue)
    }
}

enum Version {
    static let text = "0.1.0"
}
