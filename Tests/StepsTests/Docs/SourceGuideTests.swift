import Foundation
import Rigs
import Testing

/// CONTRIBUTING.md and docs/life-of-a-job.md say where things are: every path and every name in them is one of the tree.
@Suite struct SourceGuideTests {
    static let guides = ["CONTRIBUTING.md", "docs/life-of-a-job.md"]
    /// Everything that is written for people: what lies at the root, and every page of docs.
    static let documents = SourceTree.documents

    @Test(arguments: SourceGuideTests.guides) func everyPathIsThere(_ name: String) throws {
        let guide = try Guide(name)
        let paths = guide.codes.compactMap(SourceTree.path)
        #expect(paths.count > 20)
        for path in paths { #expect(SourceTree.has(path), "\(path)") }
        for link in guide.links { #expect(SourceTree.has(link), "\(link)") }
    }

    @Test(arguments: SourceGuideTests.guides) func everyNameIsInTheSource(_ name: String) throws {
        let names = try Guide(name).codes.filter { $0.wholeMatch(of: /[A-Za-z_]\w*(\.[A-Za-z_]\w*)*/) != nil && SourceTree.path($0) == nil }
        #expect(names.count > 20)
        for name in names {
            for word in name.split(separator: ".") { #expect(SourceTree.words.contains(String(word)), "\(name)") }
        }
    }

    /// A stop is written as "`Type.function` in `file`": that file declares it.
    @Test func everyStopIsDeclaredInItsFile() throws {
        let stops = try Guide("docs/life-of-a-job.md").text.matches(of: /`([A-Z]\w*)\.(\w+)`\s+in\s+`(Sources\/[^`]+)`/)
        #expect(stops.count > 70)
        for stop in stops {
            let (type, member, file) = (String(stop.1), String(stop.2), String(stop.3))
            let source = SourceTree.text(file)
            let ofType = try Regex("\\b(struct|class|actor|enum|protocol|extension) \(type)\\b")
            let declared = try Regex("\\b(func|var) \(member)\\b")
            #expect(source.contains(ofType) && source.contains(declared), "\(type).\(member) in \(file)")
        }
    }

    @Test func everyFolderOfTheSourceHasItsRow() throws {
        let rows = try Guide("CONTRIBUTING.md").codes
        for folder in try FileManager.default.contentsOfDirectory(atPath: FlowRig.packageRoot + "/Sources") {
            #expect(rows.contains(folder), "\(folder)")
        }
    }

    @Test(arguments: SourceGuideTests.guides) func everyMakeTargetIsThere(_ name: String) throws {
        let makefile = SourceTree.text("Makefile")
        for match in try Guide(name).text.matches(of: /\bmake ([a-z-]+)(?=`| &&|  )/) {
            #expect(makefile.contains(try Regex("(?m)^\(match.1):")), "make \(match.1)")
        }
    }

    @Test(arguments: SourceGuideTests.guides) func everyCommandIsThere(_ name: String) throws {
        let program = SourceTree.program
        for match in try Guide(name).text.matches(of: /`snappy-flow ([a-z-]+)/) {
            #expect(program.contains("commandName: \"\(match.1)\""), "snappy-flow \(match.1)")
        }
    }

    /// Tables too, for many read them in a terminal; 120 columns are what to aim at.
    @Test(arguments: SourceGuideTests.documents) func linesAreShort(_ name: String) throws {
        let lines = try Guide(name).text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count > 10)
        for (number, line) in lines.enumerated() {
            #expect(line.count <= 140, "\(name):\(number + 1) has \(line.count) columns: make it a list, or use shorter words")
        }
    }
}

/// A document, and what of it is written as code.
private struct Guide {
    let text: String
    /// Where its links begin.
    private let folder: String

    init(_ name: String) throws {
        text = try String(contentsOfFile: FlowRig.packageRoot + "/" + name, encoding: .utf8)
        folder = name.contains("/") ? name.prefix(while: { $0 != "/" }) + "/" : ""
    }

    /// In backquotes, outside of examples.
    var codes: [String] {
        text.replacing(/(?s)```.*?```/, with: "").matches(of: /`([^`]+)`/).map { String($0.1) }
    }

    /// Links to files, from the root of the tree.
    var links: [String] { text.matches(of: /\]\(([^)#:]+)\)/).map { folder + $0.1 } }
}

private enum SourceTree {
    private static let top: Set<String> = Set(
        (try? FileManager.default.contentsOfDirectory(atPath: FlowRig.packageRoot)) ?? [])
    private static let files: [String] = ["Sources", "Tests"].flatMap { folder in
        (FileManager.default.enumerator(atPath: FlowRig.packageRoot + "/" + folder)?.allObjects as? [String] ?? []).map {
            "\(folder)/\($0)"
        }
    }

    /// What stands for a name of the reader's own is left out with all that follows it: `Sources/Steps/<Store>/`. Nil for what is no path.
    static func path(_ code: String) -> String? {
        guard !code.contains(" ") else { return nil }
        let isNamed = [".swift", ".sql", ".md"].contains { code.hasSuffix($0) && code != $0 }
        guard let first = code.split(separator: "/").first, top.contains(String(first)) || isNamed else { return nil }
        guard let own = code.firstIndex(of: "<") else { return code }
        return String(code[..<(code[..<own].lastIndex(of: "/") ?? own)])
    }

    /// From the root of the tree; a file's bare name may be anywhere in it.
    static func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: FlowRig.packageRoot + "/" + path)
            || !path.contains("/") && files.contains { $0.hasSuffix("/" + path) }
    }

    static func text(_ path: String) -> String { (try? String(contentsOfFile: FlowRig.packageRoot + "/" + path, encoding: .utf8)) ?? "" }

    /// At the root, and in docs at any depth.
    static let documents: [String] = {
        let pages = FileManager.default.enumerator(atPath: FlowRig.packageRoot + "/docs")?.allObjects as? [String] ?? []
        return (Array(top) + pages.map { "docs/\($0)" }).filter { $0.hasSuffix(".md") }.sorted()
    }()

    /// The source of the commands.
    static var program: String { files.filter { $0.hasPrefix("Sources/snappy-flow/") && $0.hasSuffix(".swift") }.map(text).joined() }

    /// Every word of the program's source, its SQL, and what builds it.
    static let words: Set<String> = {
        var words: Set<String> = []
        let sources = files.filter { $0.hasPrefix("Sources/") && ($0.hasSuffix(".swift") || $0.hasSuffix(".sql")) }
        for file in sources + ["Package.swift", "Makefile", "Tests/Rigs/FlowRig.swift"] {
            words.formUnion(text(file).split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
        }
        return words
    }()
}
