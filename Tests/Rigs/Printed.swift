/// A value in every way that Swift has of showing one: what a log or an error could come to hold of it.
public func printed(_ value: some Any) -> String {
    var dumped = ""
    dump(value, to: &dumped)
    return [
        "\(value)", String(describing: value), String(reflecting: value), dumped, "\([value])", String(reflecting: ["key": value]),
        "\(Optional(value) as Any)", Mirror(reflecting: value).children.map { "\($0)" }.joined(), "\((value, 1))",
    ].joined(separator: "\n")
}
