import Basics
import Expressions
import FlowModel
import StepKit

/// Systems and repositories: contract versions pinned, identities computed.
extension PipelineCompiler {
    /// Stands for an identity that depends on parameters until a job has them.
    static func openIdentity(_ kind: String, _ name: String) -> String { "${\(kind).\(name)}" }

    mutating func resolveDeclarations() {
        for system in document.systems.values.sorted(by: { $0.name < $1.name }) { resolve(system) }
        for repository in document.repositories.values.sorted(by: { $0.name < $1.name }) { resolve(repository) }
    }

    mutating func resolve(_ declared: DeclaredSystem) {
        guard systems[declared.name] == nil, let type = catalog.system(declared.type) else { return }
        checkParameters(declared.mentions, "system \(declared.name)", in: declared.source)
        let identity = identity(
            of: Declaration(kind: "system", name: declared.name, type: declared.type, mark: declared.mark, source: declared.source),
            isOpen: !declared.mentions.templates.isEmpty, override: type.schema["identity"] == nil ? declared.identity : nil
        ) { () throws(StepError) in try type.identity(Settings(declared.settings, origin: "system \(declared.name)")) }
        let parts = type.parts(Settings(declared.settings, origin: "system \(declared.name)"))
        systems[declared.name] = PlannedSystem(
            type: declared.type, contractVersion: type.contractVersion, settings: declared.settings, identity: identity,
            host: declared.host, parts: parts.isEmpty ? nil : parts)
    }

    mutating func resolve(_ declared: DeclaredRepository) {
        guard repositories[declared.name] == nil, let type = catalog.repository(declared.type) else { return }
        checkParameters(declared.mentions, "repository \(declared.name)", in: declared.source)
        let identity = identity(
            of: Declaration(kind: "repository", name: declared.name, type: declared.type, mark: declared.mark, source: declared.source),
            isOpen: !declared.mentions.templates.isEmpty, override: nil
        ) { () throws(StepError) in try type.identity(Settings(declared.settings, origin: "repository \(declared.name)")) }
        repositories[declared.name] = PlannedRepository(
            type: declared.type, contractVersion: type.contractVersion, settings: declared.settings, identity: identity,
            password: declared.password, create: declared.create, access: declared.access, mirror: declared.mirror)
        for name in declared.mentions.repositories { checkRepository(name) }
        checkMirror(of: declared)
    }

    /// Two places of one repository, no more and no fewer.
    private mutating func checkMirror(of declared: DeclaredRepository) {
        guard let name = declared.mirror, let mirror = declaredRepository(name) else { return }
        let found: String
        if mirror.mirror != nil {
            found = "\(name), which has a mirror itself"
        } else if repositories[name]?.identity == repositories[declared.name]?.identity {
            found = "\(name), which is the same place"
        } else {
            return
        }
        let finding = Finding(
            "wrong-mirror", "repository \(declared.name) can't be mirrored this way", expected: "another repository without a mirror",
            found: found,
            hint: "several copies are made by several `copy` steps", at: declared.mark)
        findings.append(LocatedFinding(finding: finding, source: declared.source))
    }

    struct Declaration {
        var kind: String
        var name: String
        var type: String
        var mark: SourceMark
        var source: SourceText
    }

    private mutating func identity(
        of declaration: Declaration, isOpen: Bool, override: String?, _ compute: () throws(StepError) -> String
    ) -> String {
        // With expressions in it, too: a job has what they give.
        if let override { return Self.named(override, type: declaration.type) }
        if isOpen { return Self.openIdentity(declaration.kind == "system" ? "systems" : "repositories", declaration.name) }
        do {
            return try compute()
        } catch {
            findings.append(
                LocatedFinding(
                    finding: Finding(
                        "no-identity", "\(declaration.kind) \(declaration.name) can't be told from others", expected: error.expected,
                        found: error.found, hint: error.advice.isEmpty ? "write `identity:`" : error.advice, at: declaration.mark),
                    source: declaration.source))
            return declaration.name
        }
    }

    /// An identity starts with its type, so that two plug-ins never mean the same by accident.
    static func named(_ identity: String, type: String) -> String {
        identity.hasPrefix(type + ":") ? identity : "\(type):\(identity)"
    }

    /// In the settings of a system or repository, and in a subject, only what a job is given at its start can be used.
    mutating func checkParameters(_ mentions: Mentions, _ label: String, in source: SourceText) {
        for mention in mentions.templates {
            for reference in references(mention) {
                var finding: Finding?
                switch reference {
                case .parameter(let name): finding = parameterFinding(name, mention, label)
                case .pipeline(let name): finding = fieldFinding("pipeline", name, ExpressionFields.pipeline, mention)
                case .output, .job, .item:
                    finding = Finding(
                        "wrong-reference", "\(label): this must be known when the job starts, from parameters and pipeline fields alone",
                        expected: "${parameters.NAME}", found: mention.text, at: mention.mark)
                }
                if let finding { findings.append(LocatedFinding(finding: finding, source: source)) }
            }
        }
    }
}
