import Basics
import Expressions
import FlowModel
import StepKit

/// Turns the keys that every step takes into values.
struct StepKeysReader {
    var keys: StepKeys
    var findings: [Finding] = []

    init(_ keys: StepKeys) { self.keys = keys }

    mutating func read(_ key: String, _ node: YAMLNode, _ reading: Reading, label: String) {
        let json = reading.json
        if ["id", "after", "timeout", "retry", "continueOnError", "runOn", "priority", "limits", "instant"].contains(key),
            let template = reading.mentions.templates.first
        {
            findings.append(
                Finding(
                    "expression-not-allowed", "\(label): `\(key)` is written out, not computed", expected: "a plain value",
                    found: template.text, at: template.mark))
            return
        }
        switch key {
        case "id":
            guard let id = json.stringValue, DocumentName.isGood(id) else {
                findings.append(DocumentName.wrong(node, "the step's id"))
                return
            }
            keys.id = Mentions.Name(name: id, mark: node.mark)
        case "after": keys.after = names(node, label: "\(label): after")
        case "when":
            keys.when = json.stringValue ?? json.canonicalText
            keys.whenMark = node.mark
            if reading.mentions.templates.isEmpty, !["true", "false"].contains(keys.when) {
                findings.append(
                    Finding(
                        "wrong-type", "\(label): when is not a condition", expected: "an expression such as \"${parameters.full}\"",
                        found: node.kind, at: node.mark))
            }
        case "forEach": readFanOut(json, node, label: label)
        case "timeout":
            keys.timeout = TimeSpan(setting: json)
            if let timeout = keys.timeout, timeout.milliseconds <= 0 {
                findings.append(.noTime("\(label): timeout", at: node.mark))
            }
        case "retry": readRetry(node, json, label: label)
        case "continueOnError": keys.continueOnError = json.boolValue ?? false
        case "runOn": keys.runOn = (json.objectValue ?? [:]).compactMapValues(\.stringValue)
        case "priority": keys.priority = Int(json.intValue ?? 0)
        case "limits": keys.limits = names(node, label: "\(label): limits")
        case "instant": keys.instant = json.boolValue ?? false
        default: break
        }
    }

    private mutating func names(_ node: YAMLNode, label: String) -> [Mentions.Name] {
        let (names, found) = Self.names(node, label: label)
        findings += found
        return names
    }

    /// One name or a list of names.
    static func names(_ node: YAMLNode, label: String) -> (names: [Mentions.Name], findings: [Finding]) {
        var names: [Mentions.Name] = []
        var findings: [Finding] = []
        for element in node.elements ?? [node] {
            if let text = element.scalarText, !element.isNothing {
                names.append(Mentions.Name(name: text, mark: element.mark))
            } else {
                findings.append(
                    Finding("wrong-type", "\(label) has the wrong type", expected: "names", found: element.kind, at: element.mark))
            }
        }
        return (names, findings)
    }

    private mutating func readFanOut(_ json: JSONValue, _ node: YAMLNode, label: String) {
        let items = json["items"] ?? json
        let isExpression = items.stringValue?.contains("${") ?? false
        guard items.arrayValue != nil || isExpression else {
            findings.append(
                Finding(
                    "wrong-type", "\(label): forEach has nothing to go over", expected: "a list, or an expression that gives one",
                    found: node.kind, at: node.mark))
            return
        }
        keys.forEach = FanOut(items: items, maxParallel: json["maxParallel"]?.intValue.map { Int($0) })
    }

    private mutating func readRetry(_ node: YAMLNode, _ json: JSONValue, label: String) {
        if let attempts = json["attempts"]?.intValue { keys.retry.attempts = Int(attempts) }
        if let span = json["backoff"].flatMap(TimeSpan.init(setting:)) { keys.retry.backoff = span }
        if let span = json["maxBackoff"].flatMap(TimeSpan.init(setting:)) { keys.retry.maxBackoff = span }
        if let factor = json["factor"] {
            if let value = factor.doubleValue, value >= 1, value <= 100 {
                keys.retry.factor = value
            } else {
                let mark = node["factor"]?.mark ?? node.mark
                findings.append(
                    Finding(
                        "wrong-type", "\(label): retry.factor has the wrong type", expected: "a number from 1 to 100",
                        found: factor.canonicalText, at: mark))
            }
        }
        if keys.retry.maxBackoff < keys.retry.backoff {
            if json["maxBackoff"] == nil {
                keys.retry.maxBackoff = keys.retry.backoff
            } else {
                findings.append(
                    Finding(
                        "wrong-value", "\(label): retry.maxBackoff is shorter than backoff", expected: "at least \(keys.retry.backoff)",
                        found: keys.retry.maxBackoff.description, at: node["maxBackoff"]?.mark ?? node.mark))
            }
        }
    }
}

extension Finding {
    /// A bound of no time at all would end everything at once.
    static func noTime(_ label: String, at mark: SourceMark) -> Finding {
        Finding(
            "wrong-value", "\(label) leaves no time", expected: "a time above 0, such as 30s", found: "0s",
            hint: "leave it out where nothing bounds it", at: mark)
    }
}
