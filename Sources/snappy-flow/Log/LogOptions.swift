import ArgumentParser
import Basics
import LogKit
import Logging

/// What a command that runs for long says of its own running, and where.
struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How lines of the log look: text, json (an object a line) or brief (without time).",
            discussion: "For each of the three there is a variable too, for every command: SNAPPY_FLOW_LOG_FORMAT, _LEVEL, _TO."))
    var logFormat: String?
    @Option(help: "The least that is logged: error, warning, notice, info or debug.") var logLevel: String?
    @Option(help: "Where the log goes: stderr, syslog, or syslog:/SOCKET for another socket than /dev/log.") var logTo: String?

    func validate() throws {
        var settings = LogSettings()
        do throws(Explanation) { try apply(to: &settings) } catch {
            throw ValidationError("\(error.location): expected \(error.expected), found \(error.found)")
        }
    }

    /// Over what the environment says.
    func apply(to settings: inout LogSettings) throws(Explanation) {
        for (choice, text) in [(LogSettings.Choice.format, logFormat), (.level, logLevel), (.place, logTo)] {
            if let text { try settings.set(choice, text, at: choice.option) }
        }
    }
}

/// A command that runs for long: it has a log.
protocol LoggingCommand {
    /// The least that is logged where nobody says otherwise.
    static var logLevel: Logger.Level { get }
    var log: LogOptions { get }
}
