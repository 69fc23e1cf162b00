import Basics
import Expressions
import FlowModel
import StepKit

/// What a setting refers to, found while it is read and checked when everything is known.
struct Mentions: Sendable {
    struct Name: Sendable {
        var name: String
        /// Of which it must have one; none for any system.
        var capabilities: [Capability] = []
        var mark: SourceMark
    }

    /// A text with `${...}` and the type that it must come to.
    struct Template: Sendable {
        var template: ExpressionTemplate
        var text: String
        var type: SettingType
        var mark: SourceMark
    }

    var systems: [Name] = []
    var repositories: [Name] = []
    var steps: [Name] = []
    var templates: [Template] = []
    var secrets: [SecretReference] = []

    mutating func merge(_ other: Mentions) {
        systems += other.systems
        repositories += other.repositories
        steps += other.steps
        templates += other.templates
        secrets += other.secrets
    }
}

/// A node read as a setting's type: its canonical value, what is wrong with it, and what it refers to.
struct Reading: Sendable {
    var json: JSONValue = .null
    var findings: [Finding] = []
    var mentions = Mentions()

    init(_ json: JSONValue = .null) { self.json = json }
    init(_ finding: Finding) { findings = [finding] }

    mutating func absorb(_ other: Reading) {
        findings += other.findings
        mentions.merge(other.mentions)
    }
}
