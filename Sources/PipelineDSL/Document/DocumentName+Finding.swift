import Expressions

extension DocumentName {
    static func wrong(_ node: YAMLNode, _ what: String, dots: Bool = false) -> Finding {
        Finding(
            "wrong-name", "\(what) can't be used",
            expected: "letters, digits, - and _\(dots ? " and ." : ""), at most \(longest), a letter or digit first",
            found: node.scalarText ?? node.kind, at: node.mark)
    }
}
