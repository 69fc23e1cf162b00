import Basics

extension Expression {
    /// Evaluates. `&&` and `||` look at the right side only when they have to.
    func value(in scope: ExpressionScope) throws(Explanation) -> JSONValue {
        switch self {
        case .literal(let value): return value
        case .path(let parts): return try ExpressionPath.value(parts, in: scope)
        case .call(let function, let arguments):
            var values: [JSONValue] = []
            for argument in arguments { values.append(try argument.value(in: scope)) }
            return try function.apply(values)
        case .not(let operand): return .bool(try !operand.truth(in: scope))
        case .binary(.and, let left, let right): return .bool(try left.truth(in: scope) ? right.truth(in: scope) : false)
        case .binary(.or, let left, let right): return .bool(try left.truth(in: scope) ? true : right.truth(in: scope))
        case .binary(let sign, let left, let right):
            return .bool(try Self.compare(sign, try left.value(in: scope), try right.value(in: scope)))
        }
    }

    /// Only true and false are conditions: a text or number in their place is a mistake that must show.
    func truth(in scope: ExpressionScope) throws(Explanation) -> Bool {
        let value = try value(in: scope)
        guard let truth = value.boolValue else {
            throw Explanation(
                .expressionType, expected: "true or false", found: value.canonicalText, at: "condition",
                advice: "compare it with something, such as `== 'yes'`")
        }
        return truth
    }

    private static func compare(_ sign: ExpressionOperator, _ left: JSONValue, _ right: JSONValue) throws(Explanation) -> Bool {
        let isEqual: Bool
        if let first = left.doubleValue, let second = right.doubleValue { isEqual = first == second } else { isEqual = left == right }
        switch sign {
        case .equal: return isEqual
        case .unequal: return !isEqual
        default: break
        }
        let isLess: Bool
        if let first = left.doubleValue, let second = right.doubleValue {
            isLess = first < second
        } else if let first = left.stringValue, let second = right.stringValue {
            isLess = first < second
        } else {
            throw Explanation(
                .expressionType, expected: "two numbers or two texts around `\(sign.rawValue)`",
                found: "\(left.canonicalText), \(right.canonicalText)",
                at: "comparison")
        }
        switch sign {
        case .less: return isLess
        case .lessOrEqual: return isLess || isEqual
        case .greater: return !isLess && !isEqual
        default: return !isLess
        }
    }
}
