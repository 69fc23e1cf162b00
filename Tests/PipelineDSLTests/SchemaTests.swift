import Basics
import Foundation
import StepKit
import Steps
import Testing

@testable import PipelineDSL

@Suite struct SchemaTests {
    static func documents(_ text: String) throws -> [JSONValue] {
        var sink = DiagnosticSink()
        let nodes = YAMLParser.parse(SourceText(name: "test.yaml", bytes: Array(text.utf8)), into: &sink)
        try #require(!sink.hasErrors, Comment(rawValue: DiagnosticRendering.text(sink.diagnostics)))
        return nodes.map(\.json)
    }

    static func files(in folder: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: SchemaValidator.root.appending(path: folder), includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
    }

    @Test(arguments: ["pipelines", "examples"]) func everyShippedFileIsValidAndCompiles(_ folder: String) async throws {
        let files = try Self.files(in: folder)
        #expect(!files.isEmpty)
        let schema = try #require(DocumentSchema.schema(of: nil, catalog: .standard))
        // By one process: it looks at the schema itself for longer than at any document.
        var documents: [(file: String, document: JSONValue)] = []
        for file in files {
            let bytes = Array(try Data(contentsOf: file))
            documents += try Self.documents(String(decoding: bytes, as: UTF8.self)).map { (file.lastPathComponent, $0) }
            let result = Compiler.compile([SourceText(name: file.lastPathComponent, bytes: bytes)], catalog: .standard)
            // No warning either: nothing of what is shown does nothing.
            #expect(result.diagnostics.isEmpty && !result.plans.isEmpty, Comment(rawValue: DiagnosticRendering.text(result.diagnostics)))
        }
        let verdicts = try await SchemaValidator.validate(documents.map(\.document), by: schema)
        #expect(verdicts.count == documents.count)
        for (document, isValid) in zip(documents, verdicts) { #expect(isValid, Comment(rawValue: document.file)) }
    }

    @Test func everyNamedSchemaIsASchema() async throws {
        let named = try [Catalog.paper, .standard].flatMap { catalog in
            try DocumentSchema.names(catalog).map {
                (
                    schema: try #require(DocumentSchema.schema(of: $0, catalog: catalog)),
                    documents: [JSONValue(dictionaryLiteral: ("nothing", "like it"))]
                )
            }
        }
        #expect(try await SchemaValidator.validate(named) == named.map { _ in [false] })
        #expect(DocumentSchema.schema(of: "nonsense", catalog: .paper) == nil)
        #expect(DocumentSchema.schema(of: "volume", catalog: .paper) == DocumentSchema.schema(of: "system/volume", catalog: .paper))
    }

    @Test func goodDocumentsAreValid() async throws {
        let good = [
            Compiling.head + "steps:\n" + CompilerTests.nightly.split(separator: "\n").map { "  \($0)\n" }.joined(),
            "{kind: System, name: a, type: volume, path: \"/${parameters.x}\"}",
            "{apiVersion: snappyflow.dev/v1, kind: Repository, metadata: {name: r}, spec: {type: local, path: /r, password: {fromEnv: P}}}",
            "{schema: snappy/Pipeline/v1, metadata: {schema: metadata/Document/v1, name: x, layeringDefinition: {layer: site}}, data: {steps: [{exec: [a]}]}}",
            "{name: x, steps: [{exec: {argv: [a], timeout: 5s}}, {exec: null, argv: [a], id: b}, {parallel: [{approve: {by: [ops]}}], after: []}]}",
        ].joined(separator: "\n---\n")
        let schema = try #require(DocumentSchema.schema(of: "Document", catalog: .paper))
        let documents = try Self.documents(good)
        #expect(try await SchemaValidator.validate(documents, by: schema) == documents.map { _ in true })
    }

    @Test func wrongDocumentsAreNot() async throws {
        let wrong = [
            "{name: x}",
            "{name: x, steps: []}",
            "{name: x y, steps: [{exec: [a]}]}",
            "{name: x, stepss: [], steps: [{exec: [a]}]}",
            "{name: x, steps: [{copi: a, to: r}]}",
            "{name: x, steps: [{copy: a}]}",
            "{name: x, steps: [{copy: a, to: r, timeout: 30}]}",
            "{name: x, steps: [{copy: a, to: r, retry: {atempts: 2}}]}",
            "{name: x, steps: [{exec: rm -rf /}]}",
            "{name: x, steps: [{exec: {}}]}",
            "{name: x, steps: [{verify: copy, read: most}]}",
            "{name: x, systems: {a: {type: volume}}, steps: [{exec: [a]}]}",
            "{name: x, systems: {a: {type: volume, path: a}}, steps: [{exec: [a]}]}",
            "{name: x, systems: {a: {type: volume, path: {fromEnv: P}}}, steps: [{exec: [a]}]}",
            "{name: x, repositories: {r: {type: local, path: /r, password: hunter2}}, steps: [{exec: [a]}]}",
            "{apiVersion: snappyflow.dev/v2, kind: Pipeline, metadata: {name: x}, spec: {steps: [{exec: [a]}]}}",
            "{kind: Sistem, name: a, type: volume, path: /a}",
        ].joined(separator: "\n---\n")
        let schema = try #require(DocumentSchema.schema(of: "Document", catalog: .paper))
        let documents = try Self.documents(wrong)
        #expect(try await SchemaValidator.validate(documents, by: schema) == documents.map { _ in false })
    }

    private static func pipeline(_ more: String, steps: String = "[{exec: [a]}]") -> String { "{name: x, \(more)steps: \(steps)}" }

    /// What the compiler refuses besides wrong types, as far as JSON Schema can say it; each with a right one beside it.
    private static let bounds: [(right: String, wrong: String)] = [
        (pipeline("schedule: {cron: \" 15 2 * * mon-FRI \"}, "), pipeline("schedule: {cron: 15 2 * *}, ")),
        (pipeline("schedule: {cron: \"*/5 0-6,22 1,015 jan 7\"}, "), pipeline("schedule: {cron: \"60 2 * * *\"}, ")),
        (
            pipeline("schedule: {cron: \"0 0 * * 0\", timeZone: America/Argentina/Ushuaia}, "),
            pipeline("schedule: {cron: \"0 0 * * 0\", timeZone: Berlin}, ")
        ),
        (
            pipeline("schedule: {cron: \"0 0 * * 0\", timeZone: UTC}, "),
            pipeline("schedule: {cron: \"0 0 * * 0\", timeZone: /etc/passwd}, ")
        ),
        (pipeline("schedule: {cron: \"0 0 1-2/2 * 0\"}, "), pipeline("schedule: {cron: \"0 0 0 * 0\"}, ")),
        (pipeline("blackouts: [{from: \"08:30\", to: \"23:59\"}], "), pipeline("blackouts: [{from: \"8:30\", to: \"23:59\"}], ")),
        (pipeline("blackouts: [{from: \"08:30\", to: \"23:59\"}], "), pipeline("blackouts: [{from: \"08:30\", to: \"24:00\"}], ")),
        (pipeline("parameters: {p: {type: percent, default: 10%}}, "), pipeline("parameters: {p: {type: percent, default: 101%}}, ")),
        (pipeline("parameters: {p: {type: percent, default: 0.5%}}, "), pipeline("parameters: {p: {type: percent, default: 0%}}, ")),
        (pipeline("parameters: {p: {type: percent, default: 100.0%}}, "), pipeline("parameters: {p: {type: percent, default: 100.5%}}, ")),
        (pipeline("parameters: {p: {type: integer, default: 7}}, "), pipeline("parameters: {p: {type: integer, default: seven}}, ")),
        (pipeline("parameters: {p: {type: path, default: /a}}, "), pipeline("parameters: {p: {type: path, default: a}}, ")),
        (pipeline("parameters: {p: {type: size, default: 1GiB}}, "), pipeline("parameters: {p: {type: size, default: 1}}, ")),
        (pipeline("parameters: {p: {type: list, default: [1, a]}}, "), pipeline("parameters: {p: {type: list, default: a}}, ")),
        (pipeline("parameters: {p: {type: any, default: {a: 1}}}, "), pipeline("parameters: {p: {type: boolean, default: 1}}, ")),
        (pipeline("limits: {array: 4}, "), pipeline("limits: {array: 100001}, ")),
        (pipeline("", steps: "[{exec: [a], retry: {factor: 1.5}}]"), pipeline("", steps: "[{exec: [a], retry: {factor: 0.5}}]")),
        (pipeline("", steps: "[{exec: [a], retry: {factor: 100}}]"), pipeline("", steps: "[{exec: [a], retry: {factor: twice}}]")),
        (
            pipeline(prunable, steps: "[{prune: r, keep: {last: 3}}]"), pipeline(prunable, steps: "[{prune: r, keep: {}}]")
        ),
    ]
    private static let prunable = "repositories: {r: {type: local, path: /r, password: {fromEnv: P}}}, "

    @Test func boundsAreTheCompilersOwn() async throws {
        let schema = try #require(DocumentSchema.schema(of: "Document", catalog: .standard))
        for (texts, isGood) in [(Self.bounds.map(\.right), true), (Self.bounds.map(\.wrong), false)] {
            let documents = try Self.documents(texts.joined(separator: "\n---\n"))
            let verdicts = try await SchemaValidator.validate(documents, by: schema)
            for (text, verdict) in zip(texts, verdicts) {
                #expect(verdict == isGood, "the schema on \(text)")
                let result = Compiler.compile([SourceText(name: "a.yaml", bytes: Array(text.utf8))], catalog: .standard)
                #expect(result.hasErrors != isGood, "\(text): \(DiagnosticRendering.text(result.diagnostics))")
            }
        }
    }
}
