import FlowModel
import StepKit

/// The `command` system type: whatever programs can freeze, write out, take in and check.
struct CommandType: SystemType {
    let name = "command"
    let summary = "An application that programs of its own quiesce, thaw, write out, take in and check"
    let schema = SettingsSchema([
        quiesce.field, thaw.field, source.field, destination.field, check.field, environment.field, workingFolder.field, timeout.field,
        shell.field,
    ])
    let scope = AcquisitionScope.host

    static let quiesce = Setting<[String]>("quiesce", "Brings the application to rest; its output is handed to `thaw`", type: .argv)
    static let thaw = Setting<[String]>(
        "thaw", "Ends the rest; must succeed when nothing rests, and when called twice", type: .argv)
    static let source = Setting<[String]>(
        "source", "Writes the data to its standard output; anything but exit status 0 voids the copy", type: .argv)
    static let destination = Setting<[String]>("destination", "Reads the data from its standard input", type: .argv)
    static let check = Setting<[String]>("check", "Looks at restored data; exit status 0 says that it is good", type: .argv)
    static let environment = Setting<[String: EnvironmentValue]>(
        "environment", "Variables of the programs; values may be secret references", default: [:])
    static let workingFolder = Setting<String>("workingFolder", "The folder that the programs start in; / else", type: .path)
    static let timeout = Setting<TimeSpan>("timeout", "The longest that one program may take; then it is ended with all its children")
    static let shell = Setting<Bool>("shell", "True: the first argument of each program is a command line for /bin/sh", default: false)

    /// The programs as they are written; `identity:` in the document is the better name, for it stays when the programs change.
    func identity(_ settings: Settings) throws(StepError) -> String {
        for setting in [Self.source, Self.destination, Self.quiesce, Self.check] {
            if let arguments = try settings.optional(setting), !arguments.isEmpty { return "command:" + arguments.joined(separator: " ") }
        }
        throw StepError(
            .invalidSetting, expected: "at least one of quiesce, source, destination and check", found: "none", at: settings.origin)
    }

    func settings(neededFor capability: Capability) -> [String] {
        switch capability {
        case .quiescing: [Self.quiesce.name, Self.thaw.name]
        case .treeSource: [Self.source.name]
        case .treeDestination: [Self.destination.name]
        case .verifying, .snapshotting, .imageSource, .imageDestination, .discovering: []
        }
    }

    func open(_ settings: Settings, _ context: StepContext) async throws -> CommandSystem {
        if try settings.optional(Self.quiesce) != nil, try settings.optional(Self.thaw) == nil {
            throw StepError(.invalidSetting, expected: "`thaw` beside `quiesce`", found: "nothing that ends the rest", at: settings.origin)
        }
        return CommandSystem(settings: settings, identity: try identity(settings, context))
    }

    /// What the document calls it, or what its settings say. Without the type's name.
    private func identity(_ settings: Settings, _ context: StepContext) throws(StepError) -> String {
        let identity = if let opened = context.openedIdentity { opened } else { try identity(settings) }
        return identity.hasPrefix("command:") ? String(identity.dropFirst("command:".count)) : identity
    }
}
