/// The kinds of documents.
enum DocumentKind: String, Sendable, CaseIterable {
    case pipeline = "Pipeline"
    case system = "System"
    case repository = "Repository"
}

/// One document of a file with its envelope taken off. Which envelope it was changes nothing of what it means.
struct Envelope: Sendable {
    enum Style: Sendable { case plain, kubernetes, airship }
    var style: Style
    var kind: DocumentKind
    var name: String
    var labels: [String: String]
    /// The mapping that holds the spec, the envelope's own keys left out.
    var spec: [YAMLEntry]
    var mark: SourceMark
    var source: SourceText

    static let apiVersion = "snappyflow.dev/v1"
    /// Airship: `snappy/Pipeline/v1`
    static func airshipSchema(_ kind: DocumentKind) -> String { "snappy/\(kind.rawValue)/v1" }
}
