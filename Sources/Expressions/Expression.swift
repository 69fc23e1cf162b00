import Basics

/// The tree of one `${...}`.
indirect enum Expression: Sendable, Hashable {
    case literal(JSONValue)
    /// `parameters.sample`, `steps.copy-home.outputs.snapshotID`, `item.name`: the parts in order.
    case path([String])
    case call(ExpressionFunction, [Expression])
    case not(Expression)
    case binary(ExpressionOperator, Expression, Expression)

    /// Every path in it.
    var paths: [[String]] {
        switch self {
        case .literal: []
        case .path(let parts): [parts]
        case .call(_, let arguments): arguments.flatMap(\.paths)
        case .not(let operand): operand.paths
        case .binary(_, let left, let right): left.paths + right.paths
        }
    }
}

enum ExpressionOperator: String, Sendable, Hashable {
    case or = "||"
    case and = "&&"
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="

    /// Higher binds tighter.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .equal, .unequal: 3
        case .less, .lessOrEqual, .greater, .greaterOrEqual: 4
        }
    }
}
