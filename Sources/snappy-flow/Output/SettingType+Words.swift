import StepKit

extension SettingType {
    /// The type in words, as `plugins show` and the docs' tables print it.
    var words: String {
        switch self {
        case .string: "text"
        case .boolean: "true or false"
        case .integer(let range):
            range == Int64.min ... .max
                ? "whole number"
                : range.upperBound == .max ? "whole number from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
        case .timeSpan: "time, such as 30s"
        case .byteCount: "size, such as 64MiB"
        case .percentage: "share, such as 10%"
        case .path: "absolute path"
        case .argv: "program and arguments"
        case .secret: "secret: {fromEnv: NAME} or {fromFile: PATH}"
        case .choice(let words): words.joined(separator: " or ")
        case .list(let element): "list of: \(element.words)"
        case .map(let value): "map to: \(value.words)"
        case .object(let schema): "{" + schema.fields.map(\.name).joined(separator: ", ") + "}"
        case .systemName(let capabilities):
            capabilities.isEmpty
                ? "name of a system" : "name of a system that is \(capabilities.map(\.rawValue).joined(separator: " or "))"
        case .repositoryName: "name of a repository"
        case .stepName: "id of a step"
        case .either(let types): types.map(\.words).joined(separator: ", or ")
        case .any: "anything"
        }
    }
}
