import Basics
import StepKit

/// The `command` system type: whatever programs can freeze, write out, take in and check.
struct CommandType: SystemType {
    let name = "command"
    let summary = "An application with programs of its own that quiesce, thaw, write out, read back and check it"
    let schema = SettingsSchema([
        quiesce.field, thaw.field, source.field, destination.field, parallel.field, onFailedStream.field, check.field, environment.field,
        workingFolder.field, timeout.field, shell.field,
    ])
    let scope = AcquisitionScope.host
    let checkSchema: SettingsSchema? = SettingsSchema([CommandSystem.checkArguments.field])

    static let quiesce = Setting<[String]>(
        "quiesce", "Program that brings the application to rest; its output is handed to `thaw`", type: .argv)
    static let thaw = Setting<[String]>(
        "thaw", "Program that ends the rest; must also succeed if nothing is at rest, and if called twice", type: .argv)
    static let source = Setting<Programs>(
        "source", "Program that writes the data to standard output, and exits with 0 if all is well; or several, by their streams' names")
    static let destination = Setting<Programs>(
        "destination", "Program that reads the data from standard input, called for each stream; or several, by their streams' names")
    static let parallel = Setting<Int>("parallel", "How many of several streams are copied at once", default: 1, type: .integer(1...16))
    static let onFailedStream = Setting<String>(
        "onFailedStream", "What happens if one of several sources fails: the copy fails, or keeps the others and counts as partial",
        default: StreamFailure.fail.rawValue, type: .choice(StreamFailure.allCases.map(\.rawValue)))
    static let check = Setting<[String]>("check", "Program that checks restored data; exits with 0 if it is good", type: .argv)
    static let environment = Setting<[String: EnvironmentValue]>(
        "environment", "Environment variables for the programs; values may be secret references", default: [:])
    static let workingFolder = Setting<String>("workingFolder", "The programs' working folder; by default, /", type: .path)
    static let timeout = Setting<TimeSpan>("timeout", "Timeout for one program; it is then ended with all its children")
    static let shell = Setting<Bool>("shell", "True: the first argument of each program is a command line for /bin/sh", default: false)

    /// The programs as they are written; `identity:` in the document is the better name, for it stays when the programs change.
    func identity(_ settings: Settings) throws(StepError) -> String {
        for setting in [Self.source, Self.destination] {
            guard let programs = try settings.optional(setting), !programs.isEmpty else { continue }
            if case .named = programs, programs.words.utf8.count > Self.longestIdentity {
                throw StepError(
                    .invalidSetting, expected: "an identity of at most \(Self.longestIdentity) characters",
                    found: "the names of so many streams", at: settings.origin, advice: "write `identity:`, which names their folder")
            }
            return "command:" + programs.words
        }
        for setting in [Self.quiesce, Self.check] {
            if let arguments = try settings.optional(setting), !arguments.isEmpty { return "command:" + arguments.joined(separator: " ") }
        }
        throw StepError(
            .invalidSetting, expected: "at least one of quiesce, source, destination and check", found: "none", at: settings.origin)
    }

    /// It is the name of a folder in the repository, and files that are restored may have 255 bytes of name.
    private static let longestIdentity = 200

    func settings(neededFor capability: Capability) -> [String] {
        switch capability {
        case .quiescing: [Self.quiesce.name, Self.thaw.name]
        case .treeSource: [Self.source.name]
        case .treeDestination: [Self.destination.name]
        case .verifying, .snapshotting, .imageSource, .imageDestination, .partSource, .discovering, .attaching, .completing, .inventorying:
            []
        }
    }

    func problems(in settings: Settings) -> [SettingProblem] {
        let programs = [Self.source, Self.destination].compactMap { setting in
            SettingProblem(setting.name) { try Self.check(setting, settings) }
        }
        let quiesce = SettingProblem(Self.quiesce.name) { try Self.checkThaw(settings) }
        return programs + (quiesce.map { [$0] } ?? [])
    }

    private static func checkThaw(_ settings: Settings) throws(StepError) {
        guard try settings.optional(quiesce) != nil, try settings.optional(thaw) == nil else { return }
        throw StepError(.invalidSetting, expected: "`thaw` beside `quiesce`", found: "nothing that ends the rest", at: settings.origin)
    }

    private static func check(_ setting: Setting<Programs>, _ settings: Settings) throws(StepError) {
        guard let programs = try settings.optional(setting), programs.isEmpty || programs.badName != nil else { return }
        throw StepError(
            .invalidSetting, expected: "\(setting.name): a program, or programs under names that a file can have",
            found: programs.badName.map { "the name `\($0)`" } ?? "none", at: settings.origin)
    }

    func open(_ settings: Settings, _ context: SystemContext) async throws -> CommandSystem {
        try Self.checkThaw(settings)
        for setting in [Self.source, Self.destination] { try Self.check(setting, settings) }
        return CommandSystem(settings: settings, identity: try identity(settings, context))
    }

    /// What the document calls it, or what its settings say. Without the type's name.
    private func identity(_ settings: Settings, _ context: SystemContext) throws(StepError) -> String {
        let identity = if let declared = context.declaredIdentity { declared } else { try identity(settings) }
        return identity.hasPrefix("command:") ? String(identity.dropFirst("command:".count)) : identity
    }
}
