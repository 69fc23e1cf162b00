import Foundation
import FoundationXML

/// An XML answer of an S3 server: the texts of the root's elements, and those of repeated ones as documents of their own.
struct S3Document {
    private var texts: [String: String] = [:]
    private var children: [String: [S3Document]] = [:]

    /// Nil for what is no XML.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return nil }
        let reader = Reader()
        let parser = XMLParser(data: Data(bytes))
        parser.shouldResolveExternalEntities = false
        parser.delegate = reader
        guard parser.parse(), let root = reader.root else { return nil }
        self = root
    }

    private init() {}

    /// The first element of that name below the root.
    subscript(name: String) -> String? { texts[name] }
    /// Every element of that name below the root.
    func all(_ name: String) -> [S3Document] { children[name] ?? [] }

    private final class Reader: NSObject, XMLParserDelegate {
        var root: S3Document?
        private var stack: [(name: String, document: S3Document, text: String)] = []
        /// Answers are flat; what nests deeper is no answer.
        private static let maximumDepth = 16

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String]
        ) {
            guard stack.count < Self.maximumDepth else { return parser.abortParsing() }
            stack.append((name, S3Document(), ""))
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if !stack.isEmpty { stack[stack.count - 1].text += text }
        }

        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            guard let (name, document, text) = stack.popLast() else { return }
            guard !stack.isEmpty else { return root = document }
            let above = stack.count - 1
            if stack[above].document.texts[name] == nil { stack[above].document.texts[name] = text }
            stack[above].document.children[name, default: []].append(document)
        }
    }
}
