public import Basics

/// Evaluates the `${...}` of settings and conditions. Pure.
public enum ExpressionEvaluator {
    /// Every text in the settings resolved, at any depth. Keys are left as they are.
    public static func resolve(_ settings: [String: JSONValue], in scope: ExpressionScope) throws(Explanation) -> [String: JSONValue] {
        var resolved: [String: JSONValue] = [:]
        for (key, value) in settings { resolved[key] = try resolve(value, in: scope) }
        return resolved
    }

    public static func resolve(_ value: JSONValue, in scope: ExpressionScope) throws(Explanation) -> JSONValue {
        switch value {
        case .string(let text):
            guard text.contains("${") else { return value }
            return try ExpressionTemplate(parsing: text).value(in: scope)
        case .array(let elements):
            var resolved: [JSONValue] = []
            for element in elements { resolved.append(try resolve(element, in: scope)) }
            return .array(resolved)
        case .object(let members):
            return .object(try resolve(members, in: scope))
        case .null, .bool, .int, .double:
            return value
        }
    }

    /// A `when`: `${...}`, or an expression without the braces.
    public static func isTrue(_ condition: String, in scope: ExpressionScope) throws(Explanation) -> Bool {
        let template =
            try condition.contains("${") ? ExpressionTemplate(parsing: condition) : ExpressionTemplate(parsing: "${\(condition)}")
        let value = try template.value(in: scope)
        guard let truth = value.boolValue else {
            throw Explanation(.expressionType, expected: "true or false", found: value.canonicalText, at: "when: \(condition)")
        }
        return truth
    }
}
