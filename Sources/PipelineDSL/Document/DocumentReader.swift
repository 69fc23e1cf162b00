import Basics
import StepKit

/// Everything that a set of files declares. Standalone systems and repositories can be named from every pipeline of the set.
struct DocumentSet {
    var pipelines: [PipelineDocument] = []
    var systems: [String: DeclaredSystem] = [:]
    var repositories: [String: DeclaredRepository] = [:]
    /// Declared with something wrong in them.
    var brokenNames: Set<String> = []
}

/// Reads all documents of all files.
struct DocumentReader {
    let catalog: Catalog
    var sink = DiagnosticSink()
    var set = DocumentSet()
    /// How many were found, good or bad.
    private(set) var documents = 0
    private var pipelineNames: Set<String> = []

    init(_ catalog: Catalog) { self.catalog = catalog }

    mutating func read(_ source: SourceText) {
        let nodes = YAMLParser.parse(source, into: &sink).filter { !$0.isNothing }
        documents += nodes.count
        for node in nodes {
            var reader = EnvelopeReader(source)
            let envelope = reader.read(node)
            report(reader.findings, in: source)
            if let envelope { read(envelope) }
        }
    }

    private mutating func read(_ envelope: Envelope) {
        switch envelope.kind {
        case .pipeline:
            var reader = PipelineReader(catalog, envelope)
            let document = reader.read()
            report(reader.findings, in: envelope.source)
            if !pipelineNames.insert(document.name).inserted { return duplicate(envelope) }
            set.pipelines.append(document)
        case .system:
            var reader = DeclarationReader(catalog, envelope.source)
            let system = reader.system(envelope.name, envelope.spec, at: envelope.mark)
            report(reader.findings, in: envelope.source)
            if set.systems[envelope.name] != nil { return duplicate(envelope) }
            set.systems[envelope.name] = system
            if system == nil { set.brokenNames.insert(envelope.name) }
        case .repository:
            var reader = DeclarationReader(catalog, envelope.source)
            let repository = reader.repository(envelope.name, envelope.spec, at: envelope.mark)
            report(reader.findings, in: envelope.source)
            if set.repositories[envelope.name] != nil { return duplicate(envelope) }
            set.repositories[envelope.name] = repository
            if repository == nil { set.brokenNames.insert(envelope.name) }
        }
    }

    private mutating func duplicate(_ envelope: Envelope) {
        let finding = Finding(
            "duplicate-name", "there are two documents of kind \(envelope.kind.rawValue) called \(envelope.name)", expected: "one",
            found: "two", hint: "rename one of them, or give the command fewer files", at: envelope.mark)
        report([finding], in: envelope.source)
    }

    private mutating func report(_ findings: [Finding], in source: SourceText) {
        for finding in findings { sink.report(finding, in: source) }
    }
}
