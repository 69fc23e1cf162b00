/// The name of a time zone: UTC, or one of the tz database (`Europe/Berlin`, `America/Argentina/Ushuaia`). Whether the machine that runs
/// the schedule knows it, that machine says.
enum ZoneName {
    static let pattern = "^(UTC|[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){1,2})$"

    static func isGood(_ text: String) -> Bool {
        if text == "UTC" { return true }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return (2...3).contains(parts.count)
            && parts.allSatisfy { part in
                !part.isEmpty && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_+-".contains($0)) }
            }
    }
}
