import Foundation
import StepKit
import Steps
import Testing

/// No type of the catalog gets by without the checks of its contracts.
@Suite struct EveryTypeTests {
    /// The samples' files, beside their types' tests: who adds a system or a store adds one.
    private static let files: [String] = {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return files.filter { $0.lastPathComponent.hasSuffix("ConformanceTests.swift") }
            .compactMap { try? String(contentsOf: $0, encoding: .utf8) }
    }()

    @Test(arguments: Catalog.hosted.systems.map { $0.name }) func everySystemKeepsItsContracts(_ name: String) {
        #expect(
            Self.files.contains { $0.contains("static let type = \"\(name)\"") && $0.contains("SystemCheck.all(of:") },
            "expected a file *ConformanceTests.swift with a SystemSample of \(name) and its suite (CONTRIBUTING.md)")
    }

    @Test(arguments: Catalog.hosted.repositories.map { $0.name }) func everyStoreKeepsItsContract(_ name: String) {
        #expect(
            Self.files.contains { $0.contains("type: \"\(name)\"") && $0.contains("StoreCheck.all(of:") },
            "expected a file *ConformanceTests.swift with a StoreSample of type \(name) and its suite (CONTRIBUTING.md)")
    }

    @Test(arguments: Catalog.hosted.systems.map { $0.name }) func whoAttachesSaysWhatFor(_ name: String) throws {
        let type = try #require(Catalog.hosted.system(name))
        #expect(type.attachedViews.isEmpty != type.capabilities.contains(.attaching))
        #expect(type.attachedViews.isSubset(of: type.views) && type.scope(of: .attachment) == .host)
    }

    @Test(arguments: Catalog.standard.systems.filter { $0.capabilities.contains(.snapshotting) }.map { $0.name })
    func whoTakesSnapshotsCanListThem(_ name: String) throws {
        #expect(try #require(Catalog.standard.system(name)).capabilities.contains(.inventorying))
    }

    @Test(arguments: Catalog.hosted.systems.map { $0.name }) func whoChecksSaysBySettingsOfWhichKind(_ name: String) throws {
        let type = try #require(Catalog.hosted.system(name))
        #expect((type.checkSchema != nil) == type.capabilities.contains(.verifying))
    }

    @Test(arguments: Catalog.hosted.systems.filter { $0.capabilities.contains(.completing) }.map { $0.name })
    func whoCompletesCopiesSaysSo(_ name: String) throws { #expect(try #require(Catalog.hosted.system(name)).thawCompletesCopies) }
}
