import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

@testable import Steps

/// Ours leave out exactly what restic's own program leaves out.
@Suite struct ExcludePatternTests {
    private static let files: [FileName] = [
        "a.tmp", "A.TMP", "keep.txt", "cache/one", "cache/deep/two", "deep/cache/three", "deep/er/cache/x.tmp", "deep/er/log",
        "build/out.o", "deep/build", "name with blank", "a[b", "a]b", "a\\b", "star*", "what?", "!bang", "#hash", "-dash", "é.txt", "É.txt",
        "İ.txt", "日本.txt", ".hidden/file", "x/y/z/w/v", "x/z", "ab", "abc", "a-c", "dollar$HOME", "tree/again", "b.d/c.d/e.d",
        FileName(bytes: Array("bad".utf8) + [0xFF] + Array(".txt".utf8)),
    ]

    /// `ROOT` stands for the tree's own path.
    private static let cases: [[String]] =
        [
            "", "*.tmp", "*", "?", "**", "cache", "cache/", "cache/*", "cache/**", "/cache", "ROOT/cache", "ROOT/cache/", "ROOT/*",
            "ROOT/**/x.tmp", "ROOT/*/cache", "ROOT/**/cache/**", "ROOT", "ROOT/", "tree", "tree/cache", "tree/*/cache", "**/cache",
            "/**/log",
            "deep/**/x.tmp", "deep/**/cache", "x/**/v", "x/**/z", "x/*/z", "x/*/*/*/v", "x/**/y/**/v", "**/y/**", "build", "deep/build/",
            "a[b", "a\\[b", "a[[]b", "a]b", "a\\\\b", "a[]]b", "star\\*", "what\\?", "[!a]*", "[^a-z]*", "[a-c]b", "a[a-c]?", "a[^-]c",
            "a\\-c", "[\\-!#]*", "\\!bang", "!bang", "#hash", "-dash", "?.txt", "??.txt", "[é-ê].txt", "[^a].txt", "日?.txt", "*.TMP",
            "./cache",
            "cache/../keep.txt", "../cache", "ROOT/x/./y//z", "ROOT/deep/../cache", ".*", "*.d", "*.d/c.d", "b.d/*/e.d", "bad?.txt",
            "bad*.txt",
            "dollar$HOME", "$HOME", "~", "{a,b}*", "*a*b*", "[a-", "a[", "[]", "[^]", "[-a]", "[a-]", "x\\",
        ].map { [$0] } + [
            ["*", "!keep.txt"], ["ROOT/*", "!ROOT/cache"], ["ROOT/*", "!ROOT/deep", "ROOT/deep/build"], ["*.tmp", "!a.tmp"],
            ["!a.tmp", "*.tmp"], ["cache", "!cache/one"], ["cache/*", "!one"], ["*.txt", "!*.txt", "é.txt"], ["!"], ["!**", "*.tmp"],
            ["**", "!ROOT/cache"], ["a*", "!ab*", "abc"], ["deep", "!ROOT/deep"], ["", "*.tmp", ""], ["*", "!**/z/**"],
        ]

    @Test func patternsLeaveOutWhatResticLeavesOut() async throws {
        let bench = try await SelectionBench()
        for file in Self.files { try bench.write(file) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, written) in Self.cases.enumerated() {
                let patterns = written.map { $0.replacing("ROOT", with: bench.root) }
                for option in index % 4 == 0 ? ["exclude", "iexclude"] : ["exclude"] {
                    if index > 2 { try await group.next() }
                    group.addTask { try await Self.compare(bench, patterns, option) }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func compare(_ bench: SelectionBench, _ patterns: [String], _ option: String) async throws {
        let theirs = await Result.of { try await bench.taken(patterns.map { "--\(option)=\($0)" }) }
        let ours = Result {
            let list = try ExcludePatterns(patterns, ignoringCase: option == "iexclude", origin: "test")
            return try bench.taken(Selection(excludes: [list]))
        }
        switch (ours, theirs) {
        case (.success(let ours), .success(let theirs)):
            #expect(ours.subtracting(theirs) == [], "\(option) \(patterns): ours takes more")
            #expect(theirs.subtracting(ours) == [], "\(option) \(patterns): restic takes more")
        case (.failure, .failure(let error)): #expect("\(error)".contains("invalid pattern"), "\(option) \(patterns)")
        default: Issue.record("\(option) \(patterns): ours \(ours), restic \(theirs)")
        }
    }

    /// Patterns from a seed, each on a folder of its own with every name of up to two characters, judged in two runs of restic.
    @Test func randomPatternsMeanToUsWhatTheyMeanToRestic() async throws {
        let bench = try await SelectionBench()
        var random = SplitMix(seed: 20_260_214)
        let letters = ["a", "b", "-", "^", "!", "[", "]", "*", "?", "\\", "é", "."]
        let names = (letters + letters.flatMap { first in letters.map { first + $0 } }).filter { $0 != "." && $0 != ".." }
        var good: [String] = []
        var bad: [String] = []
        while good.count < 120 || bad.count < 60 {
            let pattern = (0..<Int.random(in: 1...7, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" }.joined()
            if [".", "..", "**"].contains(pattern) { continue }
            if (try? NamePattern(Array(pattern.utf8)[...])) == nil { bad.append(pattern) } else if good.count < 120 { good.append(pattern) }
        }
        for index in good.indices { for name in names { try bench.write(FileName("\(index)/\(name)")) } }
        let patterns = good.enumerated().map { "\(bench.root)/\($0)/\($1)" }
        let theirs = try await bench.taken(patterns.map { "--exclude=\($0)" })
        let ours = try bench.taken(Selection(excludes: [ExcludePatterns(patterns, origin: "test")]))
        func explain(_ path: String) -> String {
            let parts = TreePath(path).parts.suffix(2).map(\.description)
            return "\(good[Int(parts[0]) ?? 0]) with \(parts[1])"
        }
        #expect(ours.subtracting(theirs).map(explain) == [], "ours takes more")
        #expect(theirs.subtracting(ours).map(explain) == [], "restic takes more")
        #expect(theirs.count < good.count * names.count, "some patterns match something")

        let refused = try await bench.restic.run(["backup", "--dry-run"] + bad.map { "--exclude=\($0)" } + [bench.root])
        #expect(refused.status == 1)
        let lines = Set(refused.errors.split(separator: "\n").map(String.init))
        #expect(bad.filter { !lines.contains($0) } == [], "restic takes these patterns")
    }

    /// Paths of up to four names in a folder of each pattern's own, whose number is in every name.
    @Test func randomPathsMeanToUsWhatTheyMeanToRestic() async throws {
        let bench = try await SelectionBench()
        var random = SplitMix(seed: 20_260_215)
        var patterns: [String] = []
        for number in 0..<200 {
            var parts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                ["a\(number).", "b\(number).", "*\(number).", "[^b]\(number).", "**", "**"].randomElement(using: &random) ?? "**"
            }
            if parts.allSatisfy({ $0 == "**" }) { parts.append("b\(number).") }
            patterns.append((Bool.random(using: &random) ? "\(bench.root)/\(number)/" : "") + parts.joined(separator: "/"))
            for path in 0..<16 {
                let names = (0..<4).map { (path >> $0) & 1 == 0 ? "a\(number)." : "b\(number)." }
                try bench.write(FileName("\(number)/" + names.joined(separator: "/") + "/\(number)."))
            }
        }
        let theirs = try await bench.taken(patterns.map { "--exclude=\($0)" })
        let ours = try bench.taken(Selection(excludes: [ExcludePatterns(patterns, origin: "test")]))
        func explain(_ path: String) -> String {
            let below = path.dropFirst(bench.root.count + 1)
            return "\(patterns[Int(below.prefix { $0 != "/" }) ?? 0]) with \(below)"
        }
        #expect(ours.subtracting(theirs).map(explain) == [], "ours takes more")
        #expect(theirs.subtracting(ours).map(explain) == [], "restic takes more")
        #expect(theirs.count < 200 * 32, "some patterns match something")
    }

    @Test func aWrongPatternIsNamedWithWhatIsWrong() {
        let error = #expect(throws: StepError.self) { try ExcludePatterns(["*.tmp", "a[b-"], origin: "system home") }
        #expect(error?.kind == .invalidSetting)
        #expect(error?.found.contains("a[b-") == true && error?.location == "system home")
    }

    @Test func manyStarsTakeNoTime() throws {
        let list = try ExcludePatterns([String(repeating: "**/a*a*a*a*/", count: 40) + "b"], origin: "test")
        #expect(!list.match(TreePath(String(repeating: String(repeating: "a", count: 200) + "/", count: 200))))
    }
}

/// A small generator, the same on every run.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension Result where Failure == any Error, Success: Sendable {
    fileprivate static func of(_ body: () async throws -> Success) async -> Self {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
