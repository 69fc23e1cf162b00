import FlowModel
import Foundation
import StepKit
import Steps
import Testing

/// docs/systems has a page a system type, whose table of settings is the declaration.
@Suite struct SystemPagesTests {
    private static let folder = URL(fileURLWithPath: #filePath).appending(path: "../../../../docs/systems").standardizedFileURL

    private func table(_ schema: SettingsSchema) -> [String] {
        schema.fields.map { field in
            let fallback = field.isRequired ? "required" : field.defaultValue.map { "`\($0.canonicalText)`" } ?? ""
            return "| `\(field.name)` | \(fallback) | \(field.summary) |".replacing("|  |", with: "| |")
        }
    }

    @Test(arguments: Catalog.standard.systems.map { $0.name }) func pageShowsEverySettingAsDeclared(_ name: String) throws {
        let page = try String(contentsOf: Self.folder.appending(path: "\(name).md"), encoding: .utf8)
        let type = try #require(Catalog.standard.system(name))
        let settings = page.components(separatedBy: "## Settings").last ?? ""
        let rows = settings.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows == table(type.schema))
        for heading in ["## What is quiesced", "## Snapshots", "## Privileges", "## Settings"] {
            #expect(page.contains(heading), "\(heading) in \(name).md")
        }
    }
}
