import Foundation
import Testing

/// Every input that is kept is read once more: the seeds, and what once broke a reader. Tests/Fuzz looks for others.
@Suite struct ReplayTests {
    private static func inputs(_ kind: String, _ target: FuzzTarget) -> [URL] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fuzz/\(kind)/\(target.rawValue)")
        let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.sorted { $0.path < $1.path }
    }

    @Test(arguments: FuzzTarget.allCases) func seedsAreRead(_ target: FuzzTarget) throws {
        let seeds = Self.inputs("Corpus", target)
        #expect(!seeds.isEmpty)
        for seed in seeds { #expect(throws: Never.self, "\(seed.lastPathComponent)") { try target.read(Array(Data(contentsOf: seed))) } }
    }

    @Test(arguments: FuzzTarget.allCases) func whatOnceBrokeAReaderDoesNot(_ target: FuzzTarget) throws {
        for input in Self.inputs("Regressions", target) {
            #expect(throws: Never.self, "\(input.lastPathComponent)") { try target.read(Array(Data(contentsOf: input))) }
        }
    }
}
