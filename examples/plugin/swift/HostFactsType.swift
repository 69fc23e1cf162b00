import Basics
public import StepKit

/// The `host-facts` system type: what a machine is and what is installed on it, as two small files. An example of a plug-in in Swift.
public struct HostFactsType: SystemType {
    public init() {}

    public let name = "host-facts"
    public let summary = "What a Debian machine is and what is installed on it"
    public let schema = SettingsSchema([root.field])

    static let root = Setting<String>("root", "Where the machine's file system is", default: "/", type: .path)

    public func identity(_ settings: Settings) throws(StepError) -> String { "host-facts:" + (try settings.value(Self.root)) }

    public func open(_ settings: Settings, _ context: SystemContext) async throws -> HostFactsSystem {
        HostFactsSystem(root: try settings.value(Self.root))
    }
}
