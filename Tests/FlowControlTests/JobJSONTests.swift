import Basics
import FlowControl
import FlowModel
import Foundation
import Rigs
import Testing

/// docs/job-json.md says what the read models are in JSON: its fields are theirs, no more and no fewer, its examples are read and written as they stand, and
/// what it calls always there is missed when it is not.
@Suite struct JobJSONTests {
    static let sections: [String: any (Codable & Sendable).Type] = [
        "Job": JobOverview.self, "Step counts": StepCounts.self, "Set aside": SetAsideDetail.self, "Job in full": JobDetail.self,
        "Step": StepDetail.self, "Attempt": AttemptDetail.self, "Progress": ProgressDetail.self, "Error": ErrorDetail.self,
        "Window": WindowDetail.self, "Held": HeldDetail.self, "Stalled": StalledDetail.self, "Event": JobEvent.self,
        "Log line": JobLogLine.self, "Answer": RequestAnswer.self, "Abandon answer": AbandonAnswer.self, "Page": Page<JobOverview>.self,
    ]

    @Test func everySectionHasItsType() throws {
        #expect(try Set(JobDocument.read().sections.keys) == Set(Self.sections.keys))
    }

    @Test(arguments: sections.keys.sorted()) func everyFieldIsTheTypes(_ section: String) throws {
        let document = try JobDocument.read()
        let type = try #require(Self.sections[section])
        let fields = try document.fields(section)
        let example = try document.example(section)
        let value = try Self.decoded(example, as: type)
        #expect(try JSONValue(encoding: value) == example, "written as it was read")
        #expect(Self.properties(value) == Set(fields.map(\.name)))
        for field in fields {
            var members = try #require(example.objectValue)
            members[field.name] = nil
            let isRead = (try? Self.decoded(.object(members), as: type)) != nil
            #expect(isRead != field.isAlways, "\(section): \(field.name)")
        }
    }

    private static func decoded<Value: Codable & Sendable>(_ json: JSONValue, as type: Value.Type) throws -> Value { try json.decoded() }

    /// Stored properties under their names in JSON.
    private static func properties(_ value: Any) -> Set<String> {
        var names: Set<String> = []
        for child in Mirror(reflecting: value).children {
            switch child.label {
            case "overview": names.formUnion(properties(child.value))
            case "location" where value is ErrorDetail: names.insert("where")
            case let label?: names.insert(label)
            case nil: break
            }
        }
        return names
    }
}

/// The tables of the document.
private struct JobDocument {
    struct Field {
        var name: String
        var isAlways: Bool
        /// JSON, or a link to another section.
        var example: String
    }
    var sections: [String: [Field]] = [:]

    static func read() throws -> JobDocument {
        let text = try String(contentsOfFile: FlowRig.packageRoot + "/docs/job-json.md", encoding: .utf8)
        var document = JobDocument()
        for section in text.components(separatedBy: "\n## ").dropFirst() {
            let title = String(section.prefix { $0 != "\n" })
            let rows = section.matches(of: /(?m)^\| `(\w+)` \| (yes|no) \| (.+?) \| .*\|$/)
            #expect(rows.count == section.matches(of: /(?m)^\|/).count - 2, "every row of \(title) is one of a field")
            document.sections[title] = rows.map { Field(name: String($0.1), isAlways: $0.2 == "yes", example: String($0.3)) }
        }
        return document
    }

    /// With those of a job, where they stand beside a section's own.
    func fields(_ section: String) throws -> [Field] {
        let own = try #require(sections[section])
        return section == "Job in full" ? try #require(sections["Job"]) + own : own
    }

    /// An object of every field.
    func example(_ section: String) throws -> JSONValue {
        .object(Dictionary(uniqueKeysWithValues: try fields(section).map { ($0.name, try value($0)) }))
    }

    private func value(_ field: Field) throws -> JSONValue {
        if let link = field.example.wholeMatch(of: /(list of )?\[([^\]]+)\]\(#([a-z-]+)\)/) {
            #expect(link.2.lowercased().replacing(" ", with: "-") == link.3)
            let linked = try example(String(link.2))
            return link.1 == nil ? linked : .array([linked])
        }
        let text = try #require(field.example.wholeMatch(of: /`(.+)`/)?.1, "\(field.name): \(field.example)")
        return try JSONValue(parsing: text.utf8)
    }
}
