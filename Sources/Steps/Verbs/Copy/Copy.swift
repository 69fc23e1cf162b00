import FlowModel
import Basics
import Repository
import StepKit

/// Stores systems as snapshots of restic-format repositories.
struct Copy: Verb {
    let declaration = VerbDeclaration(
        name: "copy", summary: "Store a system as a snapshot of a repository",
        subject: .systems(anyOf: [.treeSource, .imageSource, .attaching]),
        schema: SettingsSchema([
            Self.to.field, Self.view.field, Self.excludes.field, Self.iexcludes.field, Self.tags.field, Self.parent.field,
            Self.changeCheck.field,
            Self.onUnreadable.field, Self.allowEmpty.field, Self.extent.field,
        ]), workClass: .backup, holdsSystems: .shared, holdsRepositories: .shared, holdsParents: true, reads: .views,
        outputs: [
            "snapshotID": "The repository snapshot's id", "repositoryID": "The repository's own id",
            "filesNew": "Files that were not in the parent", "filesChanged": "Files that were read anew",
            "filesUnmodified": "Files that are as in the parent", "dataAdded": "Bytes that the repository did not have",
            "bytes": "Bytes in all", "extentsRead": "Extents of block images that were read",
            "extentsReused": "Extents taken from the parent without reading them",
            "unreadable": "Files that are not in the copy as they were",
            "copies": "Each copy: system, repository, and all of the above",
        ])

    static let to = Setting<OneOrMore>.required("to", "The repository, or several", type: OneOrMore.type(of: .repositoryName))
    static let view = Setting<String>(
        ViewReading.setting, "What of the system is copied: its files (tree), or its disk (image); the type's own view else",
        type: .choice(SystemView.allCases.map(\.rawValue)))
    static let excludes = Setting<[String]>(
        "excludes", "Patterns of what to leave out, in restic's language, besides the system's own", default: [])
    static let iexcludes = Setting<[String]>("iexcludes", "As `excludes`, whatever the case of letters", default: [])
    static let tags = Setting<[String]>("tags", "Tags for the repository snapshot, besides pipeline, system, job and step", default: [])
    static let parent = Setting<String>(
        "parent",
        "The repository snapshot that says what is unchanged: auto (the newest of this pipeline and system, host and paths, or what another program stored of the same host and paths), none, or an id",
        default: "auto")
    static let changeCheck = Setting<String>(
        "changeCheck",
        "What tells that a file is unchanged: its size, mtime, ctime and inode (metadata), the same without ctime (ignoreCtime), size and mtime alone (ignoreInode), or nothing: every file is read (content)",
        default: ChangeCheck.metadata.rawValue, type: .choice(ChangeCheck.allCases.map(\.rawValue)))
    static let allowEmpty = Setting<Bool>(
        "allowEmpty", "True: a source without files is a copy like any other; else, where there were some before, it counts as partial",
        default: false)
    static let extent = Setting<ByteCount>(
        "extent",
        "The size of a block image's extents: a power of two, 64KiB to 8MiB; else the parent's, or what fits the source, 1MiB at least")
    static let onUnreadable = Setting<String>(
        "onUnreadable", "What becomes of a copy that misses files: it counts as partial, or the step fails", default: "partial",
        type: .choice(["partial", "fail"]))

    func run(_ context: StepContext) async throws -> StepResult {
        var result = StepResult()
        var records: [CopyRecord] = []
        for name in try context.settings.value(Self.to).words {
            let repository = try await context.openRepository(name, creating: true)
            for system in context.subjectSystems {
                let run = CopyRun(context: context, system: system, repositoryName: name, repository: repository, finished: records)
                let record = try await run.run()
                records.append(record)
                result.missed += record.missed
                if let base = try await run.base(record) { result.bases.append(base) }
            }
        }
        result.outputs = try CopyRecord.outputs(records)
        if !result.missed.isEmpty, try context.settings.value(Self.onUnreadable) == "fail" {
            result.failure = StepError(
                .unreadable, expected: "every file to be readable and to stay as it is", found: Self.some(result.missed),
                at: "step \(context.step.id)",
                advice: "mend the files, exclude them, or declare `onUnreadable: partial`")
            return result
        }
        for snapshot in Set(context.step.snapshots.values) { await WindowCompletion(of: snapshot, context).endAfterLastCopy() }
        return result
    }

    /// The first few, for an error message.
    private static func some(_ missed: [String]) -> String {
        missed.prefix(3).joined(separator: "; ") + (missed.count > 3 ? "; and \(missed.count - 3) more" : "")
    }
}
