import Basics
import Expressions
import FlowModel
import StepKit

/// Reads the spec of a Pipeline.
struct PipelineReader {
    let catalog: Catalog
    let envelope: Envelope
    var findings: [Finding] = []

    init(_ catalog: Catalog, _ envelope: Envelope) {
        self.catalog = catalog
        self.envelope = envelope
    }

    mutating func read() -> PipelineDocument {
        var document = PipelineDocument(name: envelope.name, labels: envelope.labels, source: envelope.source, mark: envelope.mark)
        var hasSteps = false
        for entry in envelope.spec {
            let node = entry.value
            if let key = entry.key.scalarText, let meanwhile = DocumentKeys.meanwhile(key, node) {
                findings.append(.idle(key, of: "a pipeline", meanwhile: meanwhile, at: entry.key.mark))
            }
            switch entry.key.scalarText ?? entry.key.kind {
            case "schedule": document.schedule = schedule(node)
            case "objectives": document.objectives = setting(node, .object(DocumentKeys.objectives), "objectives")
            case "blackouts": document.blackouts = blackouts(node)
            case "hooks": document.hooks = setting(node, .list(.object(DocumentKeys.hook)), "hooks")
            case "parameters":
                document.parameters = parameters(node)
                document.places.merge(Self.places(node, "parameters")) { first, _ in first }
            case "limits":
                document.limits = limits(node)
                document.places.merge(Self.places(node, "limits")) { first, _ in first }
            case "systems": readSystems(node, into: &document)
            case "repositories": readRepositories(node, into: &document)
            case "steps":
                hasSteps = true
                readSteps(node, into: &document)
            case let key:
                findings.append(
                    .unknownKey(
                        key, in: "a pipeline", known: DocumentKeys.pipeline + (envelope.style == .plain ? ["name", "labels", "kind"] : []),
                        at: entry.key.mark))
            }
        }
        if !hasSteps {
            findings.append(
                Finding("missing-key", "the pipeline has no steps", expected: "steps: and a list", found: "nothing", at: envelope.mark))
        }
        return document
    }

    private mutating func readSteps(_ node: YAMLNode, into document: inout PipelineDocument) {
        var reader = StepReader(catalog)
        document.steps = reader.read(node, label: "steps")
        findings += reader.findings + reader.warnings
        if node.elements?.isEmpty ?? false {
            findings.append(Finding("missing-key", "the pipeline has no steps", expected: "a step", found: node.kind, at: node.mark))
        }
    }

    private mutating func readSystems(_ node: YAMLNode, into document: inout PipelineDocument) {
        for (name, entries, mark) in declarations(node, "systems") {
            var reader = DeclarationReader(catalog, envelope.source)
            document.systems[name] = reader.system(name, entries, at: mark)
            if document.systems[name] == nil { document.brokenNames.insert(name) }
            findings += reader.findings
        }
    }

    private mutating func readRepositories(_ node: YAMLNode, into document: inout PipelineDocument) {
        for (name, entries, mark) in declarations(node, "repositories") {
            var reader = DeclarationReader(catalog, envelope.source)
            document.repositories[name] = reader.repository(name, entries, at: mark)
            if document.repositories[name] == nil { document.brokenNames.insert(name) }
            findings += reader.findings
        }
    }

    private mutating func declarations(_ node: YAMLNode, _ label: String) -> [(name: String, entries: [YAMLEntry], mark: SourceMark)] {
        named(node, label).compactMap { name, value, mark in
            guard let entries = value.entries else {
                findings.append(
                    Finding(
                        "wrong-type", "\(label).\(name) has the wrong type", expected: "a mapping with type and its settings",
                        found: value.kind,
                        at: value.mark))
                return nil
            }
            return (name, entries, mark)
        }
    }

    /// The entries of a mapping whose keys are names.
    private mutating func named(_ node: YAMLNode, _ label: String) -> [(name: String, value: YAMLNode, mark: SourceMark)] {
        guard let entries = node.entries else {
            findings.append(
                Finding("wrong-type", "\(label) has the wrong type", expected: "a mapping of names", found: node.kind, at: node.mark))
            return []
        }
        return entries.compactMap { entry in
            guard let name = entry.key.scalarText, DocumentName.isGood(name) else {
                findings.append(DocumentName.wrong(entry.key, "a name in \(label)"))
                return nil
            }
            return (name, entry.value, entry.key.mark)
        }
    }

    private static func places(_ node: YAMLNode, _ section: String) -> [String: SourceMark] {
        let places = (node.entries ?? []).compactMap { entry in entry.key.scalarText.map { ("\(section).\($0)", entry.key.mark) } }
        return Dictionary(places) { first, _ in first }
    }

    private mutating func parameters(_ node: YAMLNode) -> [String: PlannedParameter] {
        var parameters: [String: PlannedParameter] = [:]
        for (name, value, mark) in named(node, "parameters") {
            guard let json = setting(value, .object(DocumentKeys.parameter), "parameter \(name)"), let word = json["type"]?.stringValue,
                let type = DocumentKeys.parameterType(word)
            else {
                parameters[name] = PlannedParameter(type: "any")
                continue
            }
            var parameter = PlannedParameter(type: word)
            if let given = value["default"] {
                if given.isTemplate {
                    findings.append(
                        Finding(
                            "expression-not-allowed", "the default of parameter \(name) is written out, not computed", expected: type.words,
                            found: given.kind, at: given.mark))
                } else {
                    parameter.defaultValue = setting(given, type, "parameter \(name): default")
                }
            }
            if SecretReference(json: value["default"]?.json ?? .null) != nil {
                findings.append(
                    Finding(
                        "secret-not-allowed", "parameter \(name) may not be secret: parameters are stored with the job",
                        expected: "a plain value", found: "a reference to a secret", hint: "give the reference where the secret is used",
                        at: mark))
            }
            parameters[name] = parameter
        }
        return parameters
    }

    private mutating func limits(_ node: YAMLNode) -> [String: Int] {
        var limits: [String: Int] = [:]
        for (name, value, _) in named(node, "limits") {
            if let count = setting(value, .integer(1...100_000), "limits.\(name)")?.intValue { limits[name] = Int(count) }
        }
        return limits
    }

    private mutating func schedule(_ node: YAMLNode) -> JSONValue? {
        let json = setting(node, .object(DocumentKeys.schedule), "schedule")
        if let cron = json?["cron"]?.stringValue, let problem = CronExpression.problem(in: cron) {
            findings.append(
                Finding(
                    "wrong-schedule", "schedule.cron can't be read: \(problem)",
                    expected: "five fields: minute, hour, day of month, month, day of week", found: cron,
                    hint: "every night at a quarter past two is \"15 2 * * *\"", at: node["cron"]?.mark ?? node.mark))
        }
        checkZone(json?["timeZone"], node["timeZone"]?.mark ?? node.mark)
        return json
    }

    private mutating func blackouts(_ node: YAMLNode) -> JSONValue? {
        let json = setting(node, .list(.object(DocumentKeys.blackout)), "blackouts")
        for (index, element) in (json?.arrayValue ?? []).enumerated() {
            let node = node.elements?[index] ?? node
            checkZone(element["timeZone"], node["timeZone"]?.mark ?? node.mark)
            for key in ["from", "to"] {
                guard let text = element[key]?.stringValue, !Self.isClockTime(text) else { continue }
                findings.append(
                    Finding(
                        "wrong-type", "blackouts[\(index)].\(key) is not a time of day", expected: "HH:MM such as \"08:30\"", found: text,
                        at: node[key]?.mark ?? node.mark))
            }
        }
        return json
    }

    static func isClockTime(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = UInt(parts[0]), let minute = UInt(parts[1]) else {
            return false
        }
        return hour < 24 && minute < 60
    }

    private mutating func checkZone(_ zone: JSONValue?, _ mark: SourceMark) {
        guard let zone = zone?.stringValue, !ZoneName.isGood(zone) else { return }
        findings.append(
            Finding(
                "wrong-type", "timeZone is not a zone of the tz database", expected: "UTC or a name such as Europe/Berlin", found: zone,
                at: mark))
    }

    /// Reads a value in which no expression may stand.
    private mutating func setting(_ node: YAMLNode, _ type: SettingType, _ label: String) -> JSONValue? {
        let reading = SettingReader.read(node, as: type, label: label)
        findings += reading.findings
        for template in reading.mentions.templates where label != "hooks" {
            findings.append(
                Finding(
                    "expression-not-allowed", "\(label) is written out, not computed", expected: "a plain value", found: template.text,
                    at: template.mark))
        }
        return reading.findings.isEmpty ? reading.json : nil
    }
}
