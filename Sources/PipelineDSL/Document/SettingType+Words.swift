import StepKit

/// How a type is spoken of in diagnostics.
extension SettingType {
    var words: String {
        switch self {
        case .string: "a text"
        case .boolean: "true or false"
        case .integer(let range):
            switch (range.lowerBound, range.upperBound) {
            case (.min, .max): "a whole number"
            case (let low, .max): "a whole number of at least \(low)"
            case (let low, let high): "a whole number from \(low) to \(high)"
            }
        case .timeSpan: "a time with its unit such as 30s, 2h or 7d"
        case .byteCount: "a size with its unit such as 64MiB"
        case .percentage: "a share such as 10%"
        case .path: "an absolute path"
        case .argv: "a list: a program and its arguments"
        case .secret: "a reference: {fromEnv: NAME} or {fromFile: /path}"
        case .choice(let words): "one of \(words.joined(separator: ", "))"
        case .list(let element): "a list, each element \(element.words)"
        case .map(let element): "a mapping, each value \(element.words)"
        case .object(let schema): "a mapping with \(schema.fields.map(\.name).joined(separator: ", "))"
        case .systemName(let capabilities):
            capabilities.isEmpty
                ? "the name of a system" : "the name of a system that has \(capabilities.map(\.rawValue).joined(separator: " or "))"
        case .repositoryName: "the name of a repository"
        case .stepName: "the id of a step"
        case .either(let types): types.map(\.words).joined(separator: ", or ")
        case .any: "a value"
        }
    }

    /// What it is, where it must be known before anything runs.
    var mustBeWrittenOut: String? {
        switch self {
        case .secret: "a reference to a secret"
        case .systemName: "a system's name"
        case .repositoryName: "a repository's name"
        case .stepName: "a step's id"
        case .either(let types): types.compactMap(\.mustBeWrittenOut).count == types.count ? types.first?.mustBeWrittenOut : nil
        case .list(let element): element.mustBeWrittenOut
        default: nil
        }
    }

    var takesText: Bool {
        switch self {
        case .string, .systemName, .repositoryName, .stepName, .path, .choice: true
        case .either(let types): types.contains(where: \.takesText)
        default: false
        }
    }

    var unitExample: String? {
        switch self {
        case .timeSpan: "s"
        case .byteCount: "MiB"
        case .percentage: "%"
        case .either(let types): types.compactMap(\.unitExample).first
        default: nil
        }
    }

    /// Whether a node has the outer shape of the type: list, mapping or scalar.
    func hasShape(of node: YAMLNode) -> Bool {
        switch self {
        case .list, .argv: node.elements != nil
        case .map, .object, .secret: node.entries != nil
        case .either(let types): types.contains { $0.hasShape(of: node) }
        case .any: true
        default: node.scalarText != nil
        }
    }
}
