public import Basics
public import StepKit

/// JSON Schema (draft 2020-12) of documents, plug-ins and verbs, made from the same declarations that the compiler reads by.
/// It finds wrong shapes; what a name refers to, and what may follow what, only the compiler knows.
public enum DocumentSchema {
    /// `Document` is any of the kinds; then each kind, system type, repository type and verb.
    public static func names(_ catalog: Catalog) -> [String] {
        ["Document"] + DocumentKind.allCases.map(\.rawValue) + catalog.systems.map { "system/\($0.name)" }
            + catalog.repositories.map { "repository/\($0.name)" } + catalog.verbs.map { "verb/\($0.declaration.name)" }
    }

    /// The schema of one of `names`, also without its prefix; of any document for nil; nil for another name.
    public static func schema(of name: String?, catalog: Catalog) -> JSONValue? {
        let maker = SchemaMaker(catalog)
        let known = names(catalog)
        let name = name.flatMap { name in known.contains(name) ? name : known.first { $0.hasSuffix("/" + name) } ?? name } ?? "Document"
        var schema: JSONValue?
        if name == "Document" {
            schema = maker.document(DocumentKind.allCases)
        } else if let kind = DocumentKind(rawValue: name) {
            schema = maker.document([kind])
        } else if let type = catalog.systems.first(where: { "system/\($0.name)" == name }) {
            schema = maker.system(type)
        } else if let type = catalog.repositories.first(where: { "repository/\($0.name)" == name }) {
            schema = maker.repository(type)
        } else if let verb = catalog.verbs.first(where: { "verb/\($0.declaration.name)" == name }) {
            schema = maker.step(verb.declaration)
        }
        guard case .object(var members)? = schema else { return nil }
        members["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        members["$id"] = .string("https://snappyflow.dev/schema/v1/\(name).json")
        members["$defs"] = ["step": maker.anyStep()]
        return .object(members)
    }
}
