public import Basics
public import FlowModel
public import StepKit

/// What pipelines that others submit may reach on this worker. Nothing that is not listed.
public struct AllowList: Sendable, Hashable, Codable {
    /// Names of environment variables that secrets may come from.
    public var environment: Set<String>
    /// Files that secrets may come from: exact paths, or folders with everything below.
    public var secretFiles: [String]
    /// Programs that may be run, as written in `argv`.
    public var programs: Set<String>
    /// Paths that settings may name, with everything below.
    public var paths: [String]

    public init(environment: Set<String> = [], secretFiles: [String] = [], programs: Set<String> = [], paths: [String] = []) {
        self.environment = environment
        self.secretFiles = secretFiles
        self.programs = programs
        self.paths = paths
    }

    public func allows(_ reference: SecretReference) -> Bool {
        switch reference {
        case .environment(let name): environment.containsExactly(name)
        case .file(let path): Self.lies(path, under: secretFiles)
        }
    }

    /// True when every path and program among the settings is listed. A value that an expression decides is not known yet, so it is refused.
    public func allows(_ settings: [String: JSONValue], of schema: SettingsSchema) -> Bool {
        schema.fields.allSatisfy { field in
            guard let value = settings[field.name], !value.isNull else { return true }
            return allows(value, as: field.type)
        }
    }

    /// The plan without the systems and repositories that are not listed: what a step was not seen to name when it was accepted, its body can't open.
    func confined(_ plan: Plan, _ catalog: Catalog) -> Plan {
        var plan = plan
        plan.systems = plan.systems.filter { _, planned in
            catalog.system(planned.type).map { allows(planned.settings, of: $0.schema) } ?? false
        }
        plan.repositories = plan.repositories.filter { _, planned in
            catalog.repository(planned.type).map { allows(planned.settings, of: $0.schema) } ?? false
        }
        return plan
    }

    private func allows(_ value: JSONValue, as type: SettingType) -> Bool {
        switch type {
        case .path:
            guard let path = value.stringValue else { return false }
            return !path.contains("${") && Self.lies(path, under: paths)
        case .argv:
            guard let program = value.arrayValue?.first?.stringValue else { return false }
            return programs.containsExactly(program)
        case .list(let element):
            return (value.arrayValue ?? []).allSatisfy { allows($0, as: element) }
        case .map(let element):
            return (value.objectValue ?? [:]).values.allSatisfy { allows($0, as: element) }
        case .object(let schema):
            return value.objectValue.map { allows($0, of: schema) } ?? true
        case .either(let types):
            return types.allSatisfy { !Self.fits(value, $0) || allows(value, as: $0) }
        case .secret:
            return SecretReference(json: value).map { allows($0) } ?? true
        case .string, .boolean, .integer, .timeSpan, .byteCount, .percentage, .choice, .systemName, .repositoryName, .stepName, .any:
            return true
        }
    }

    private static func fits(_ value: JSONValue, _ type: SettingType) -> Bool {
        switch type {
        case .argv, .list: value.arrayValue != nil
        case .map, .object, .secret: value.objectValue != nil
        default: value.arrayValue == nil && value.objectValue == nil
        }
    }

    /// By components and their bytes, as the kernel takes them, without following links; `..` is never under anything.
    static func lies(_ path: String, under roots: [String]) -> Bool {
        let parts = path.pathParts
        guard path.utf8.first == UInt8(ascii: "/"), !parts.contains("..") else { return false }
        return roots.contains { parts.starts(with: $0.pathParts) { $0.isExactly($1) } && $0.hasPrefix("/") }
    }
}
