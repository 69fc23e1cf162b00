import Basics
import Foundation
import StepKit
import Steps
import Testing

/// docs/systems and docs/repositories have a page a type, whose table of settings is the declaration.
@Suite struct SystemPagesTests {
    private static let docs = URL(fileURLWithPath: #filePath).appending(path: "../../../../docs").standardizedFileURL
    private static let folder = docs.appending(path: "systems")

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

    @Test(arguments: Catalog.standard.repositories.map { $0.name }) func repositoryPageShowsEverySettingAsDeclared(_ name: String) throws {
        let page = try String(contentsOf: Self.docs.appending(path: "repositories/\(name).md"), encoding: .utf8)
        let type = try #require(Catalog.standard.repository(name))
        let settings = page.components(separatedBy: "## Settings").last ?? ""
        #expect(settings.components(separatedBy: "\n").filter { $0.hasPrefix("| `") } == table(type.schema))
        for heading in ["## Rights", "## Settings"] { #expect(page.contains(heading), "\(heading) in \(name).md") }
    }

    @Test func whatAllRepositoriesHaveIsShownAsDeclared() throws {
        let page = try String(contentsOf: Self.docs.appending(path: "repositories/README.md"), encoding: .utf8)
        let settings = page.components(separatedBy: "## Settings").last ?? ""
        #expect(settings.components(separatedBy: "\n").filter { $0.hasPrefix("| `") } == table(StoreAccess.schema))
    }
}
