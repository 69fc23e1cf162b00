import Basics
import Foundation
import StepKit
import StorageKit

/// The settings by which a system that reads folders says what is taken, declared once for all of them.
struct SelectionSettings: Sendable {
    private let settings: Settings

    static let fields = [
        excludes.field, iexcludes.field, excludesFrom.field, iexcludesFrom.field, excludeIfPresent.field, excludeCaches.field,
        excludeLargerThan.field,
    ]

    static let excludes = Setting<[String]>(
        "excludes", "Paths to leave out, as restic patterns: `*.tmp` and `cache` at any depth, `/srv/home/cache` only there",
        default: [])
    static let iexcludes = Setting<[String]>("iexcludes", "Like `excludes`, ignoring upper and lower case", default: [])
    static let excludesFrom = Setting<OneOrMore>(
        "excludesFrom", "Files on the worker's host with more patterns, one per line; `#` begins a comment",
        type: OneOrMore.type(of: .path))
    static let iexcludesFrom = Setting<OneOrMore>(
        "iexcludesFrom", "Like `excludesFrom`, ignoring upper and lower case", type: OneOrMore.type(of: .path))
    static let excludeIfPresent = Setting<OneOrMore>(
        "excludeIfPresent", "Leave out the rest of a folder with such a file: `.nobackup`, or `FILE:HEADER` for one that begins with HEADER"
    )
    static let excludeCaches = Setting<Bool>(
        "excludeCaches", "Leave out the content of folders with a valid `CACHEDIR.TAG`", default: false)
    static let excludeLargerThan = Setting<ByteCount>("excludeLargerThan", "Leave out files larger than this")

    /// Reads nothing yet: a system with a wrong pattern can still be restored to.
    init(_ settings: Settings) { self.settings = settings }

    /// What they say, files read. Throws when a pattern is none.
    func selection() throws -> Selection {
        var selection = Selection()
        let lists = [
            try list(settings.value(Self.excludes), settings.optional(Self.excludesFrom), ignoringCase: false),
            try list(settings.value(Self.iexcludes), settings.optional(Self.iexcludesFrom), ignoringCase: true),
        ]
        selection.excludes = lists.filter { !$0.isEmpty }
        for text in try settings.optional(Self.excludeIfPresent)?.words ?? [] {
            selection.markers.append(try FolderMarker(text, origin: settings.origin))
        }
        if try settings.value(Self.excludeCaches) { selection.markers.append(.cache) }
        selection.largest = try settings.optional(Self.excludeLargerThan)
        return selection
    }

    /// What is wrong with them, as far as no file has to be read. `root` is the folder.
    func problems(root: String) -> [SettingProblem] {
        var problems = [(Self.excludes, false), (Self.iexcludes, true)].compactMap { setting, ignoringCase in
            SettingProblem(setting.name) {
                let list = try ExcludePatterns(try settings.value(setting), ignoringCase: ignoringCase, origin: settings.origin)
                try Selection(excludes: [list]).requireSomething(of: TreePath(root))
            }
        }
        let marker = SettingProblem(Self.excludeIfPresent.name) {
            for text in try settings.optional(Self.excludeIfPresent)?.words ?? [] { _ = try FolderMarker(text, origin: settings.origin) }
        }
        if let marker { problems.append(marker) }
        return problems
    }

    private func list(_ patterns: [String], _ files: OneOrMore?, ignoringCase: Bool) throws -> ExcludePatterns {
        let more = try (files?.words ?? []).flatMap { try PatternFile(path: $0).patterns() }
        return try ExcludePatterns(patterns + more, ignoringCase: ignoringCase, origin: settings.origin)
    }
}
