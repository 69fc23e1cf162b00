import Basics
import StepKit

/// What lies at a system that steps have made, between the worker and a plug-in's process (docs/plug-ins.md, `inventory`).
enum HoldingMessage {
    static func of(_ holdings: [Holding]) -> JSONValue {
        let items = holdings.map { holding in
            var members: [String: JSONValue] = [
                "kind": .string(holding.kind.rawValue), "key": .string(holding.key), "name": .string(holding.name),
            ]
            members["since"] = holding.since.map { .int($0.microseconds / 1_000_000) }
            return JSONValue.object(members)
        }
        return ["items": .array(items)]
    }

    /// Nil where it is no list of such things. One that is named by no step's key is left out: it is not ours.
    static func holdings(_ json: JSONValue) -> [Holding]? {
        guard let items = json["items"]?.arrayValue else { return nil }
        var holdings: [Holding] = []
        for item in items {
            guard let kind = item["kind"]?.stringValue.flatMap(AcquisitionKind.init(rawValue:)), let key = item["key"]?.stringValue else {
                return nil
            }
            guard Holding.isKey(key) else { continue }
            let since = item["since"]?.intValue.map { Instant(microseconds: min(max($0, 0), Self.lastSecond) * 1_000_000) }
            holdings.append(Holding(kind: kind, key: key, name: item["name"]?.stringValue ?? key, since: since))
        }
        return holdings
    }

    /// The end of the year 9999.
    private static let lastSecond: Int64 = 253_402_300_799
}
