import Basics

/// What the parts of a path name.
enum ExpressionPath {
    static func reference(_ parts: [String]) throws(Explanation) -> ExpressionReference {
        let rest = Array(parts.dropFirst())
        switch (parts[0], rest.count) {
        case ("parameters", 1...): return .parameter(rest[0])
        case ("steps", 3...) where rest[1] == "outputs": return .output(step: rest[0], name: rest[2])
        case ("job", 1): return .job(rest[0])
        case ("pipeline", 1...): return .pipeline(rest[0])
        case ("item", _): return .item(rest)
        default:
            let roots = ["parameters", "steps", "job", "pipeline", "item"]
            throw Explanation(
                .unknownReference,
                expected: "parameters.NAME, steps.ID.outputs.NAME, job.id, job.createdAt, pipeline.name, or item in a forEach",
                found: parts.joined(separator: "."), at: "${\(parts.joined(separator: "."))}",
                advice: NearestName.of(parts[0], among: roots).map { "did you mean `\($0)`?" } ?? "")
        }
    }

    static func value(_ parts: [String], in scope: ExpressionScope) throws(Explanation) -> JSONValue {
        switch try reference(parts) {
        case .parameter(let name):
            guard let value = scope.parameters[name] else { throw missing(parts, "a parameter") }
            return try member(value, parts.dropFirst(2), of: parts)
        case .output(let step, let name):
            // A step that was skipped has no outputs: null, so that `default()` can stand in.
            return try member(scope.outputs[StepID(step)]?[name] ?? .null, parts.dropFirst(4), of: parts)
        case .job(let name):
            guard let value = scope.job[name] else { throw missing(parts, "job.id or job.createdAt") }
            return value
        case .pipeline(let name):
            guard let value = scope.pipeline[name] else { throw missing(parts, "pipeline.name or pipeline.labels") }
            return try member(value, parts.dropFirst(2), of: parts)
        case .item(let rest):
            guard let item = scope.item else { throw missing(parts, "item, in a step with forEach") }
            return try member(item, rest[...], of: parts)
        }
    }

    private static func member(_ value: JSONValue, _ rest: ArraySlice<String>, of parts: [String]) throws(Explanation) -> JSONValue {
        var value = value
        for part in rest {
            switch value {
            case .null: return .null
            case .object(let members): value = members[part] ?? .null
            case .array(let elements):
                guard let index = Int(part) else { throw missing(parts, "a number after a list") }
                value = elements.indices.contains(index) ? elements[index] : .null
            default: throw missing(parts, "a mapping or list before `.\(part)`")
            }
        }
        return value
    }

    private static func missing(_ parts: [String], _ expected: String) -> Explanation {
        Explanation(
            .unknownReference, expected: expected, found: parts.joined(separator: "."), at: "${\(parts.joined(separator: "."))}")
    }
}
