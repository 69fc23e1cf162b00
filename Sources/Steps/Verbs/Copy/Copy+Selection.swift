import Basics
import Repository
import StepKit
import StorageKit

extension Copy {
    func problems(in settings: Settings) -> [SettingProblem] {
        [Self.excludes, Self.iexcludes].compactMap { setting in
            SettingProblem(setting.name) { _ = try ExcludePatterns(try settings.value(setting), origin: settings.origin) }
        }
    }

    /// What the step leaves out besides the system's own.
    static func selection(_ settings: Settings) throws -> Selection {
        let lists = [
            try ExcludePatterns(try settings.value(excludes), origin: settings.origin),
            try ExcludePatterns(try settings.value(iexcludes), ignoringCase: true, origin: settings.origin),
        ]
        return Selection(excludes: lists.filter { !$0.isEmpty })
    }
}

extension ArchiveOptions {
    /// The same without what the selection leaves out of a tree at `root`. Throws when that is all of it.
    func leavingOut(_ selection: Selection, of root: TreePath) throws -> ArchiveOptions {
        try selection.requireSomething(of: root)
        guard !selection.excludes.isEmpty else { return self }
        var options = self
        options.exclude = { path, _ in selection.excludes(TreePath(root.parts + path.parts)) }
        return options
    }
}
