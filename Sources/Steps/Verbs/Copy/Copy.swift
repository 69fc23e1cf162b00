import FlowModel
import Basics
import Repository
import StepKit

/// Stores systems as snapshots of restic-format repositories.
struct Copy: Verb {
    let declaration = VerbDeclaration(
        name: "copy", summary: "Store a system as a snapshot of a repository",
        subject: .systems(anyOf: [.treeSource, .imageSource, .partSource, .attaching]),
        schema: SettingsSchema([
            Self.to.field, Self.view.field, Self.excludes.field, Self.iexcludes.field, Self.tags.field, Self.parent.field,
            Self.changeCheck.field,
            Self.onUnreadable.field, Self.allowEmpty.field, Self.extent.field,
        ]), workClass: .backup, holdsSystems: .shared, holdsRepositories: .shared, holdsParents: true, reads: .views,
        outputs: [
            "snapshotID": "The repository snapshot's id", "repositoryID": "The repository's own id",
            "filesNew": "Files that were not in the parent", "filesChanged": "Files that had changed since the parent",
            "filesUnmodified": "Files that are the same as in the parent", "dataAdded": "Bytes that the repository did not have",
            "bytes": "Bytes in all", "extentsRead": "Extents of block images that were read",
            "extentsReused": "Extents taken from the parent without reading them",
            "unreadable": "Files that could not be copied as they were",
            "copies": "Each copy: system, repository, and all of the above",
        ])

    static let to = Setting<OneOrMore>.required("to", "The repository, or several", type: OneOrMore.type(of: .repositoryName))
    static let view = Setting<String>(
        ViewReading.setting,
        "What is copied: the system's files (tree), its disk (image), or all of its parts; by default, the type's own view",
        type: .choice(SystemView.allCases.map(\.rawValue)))
    static let excludes = Setting<[String]>(
        "excludes", "Paths to leave out, as restic patterns, in addition to the system's own", default: [])
    static let iexcludes = Setting<[String]>("iexcludes", "Like `excludes`, ignoring upper and lower case", default: [])
    static let tags = Setting<[String]>(
        "tags", "Tags for the repository snapshot, in addition to pipeline, system, job and step", default: [])
    static let parent = Setting<String>(
        "parent",
        "The repository snapshot that tells what is unchanged: auto (the newest of this pipeline, system, host and paths, or one that "
            + "another program made of the same host and paths), none, or an id",
        default: "auto")
    static let changeCheck = Setting<String>(
        "changeCheck",
        "How unchanged files are recognized: by size, mtime, ctime and inode (metadata), by the same without ctime (ignoreCtime), "
            + "by size and mtime alone (ignoreInode), or by reading every file (content)",
        default: ChangeCheck.metadata.rawValue, type: .choice(ChangeCheck.allCases.map(\.rawValue)))
    static let allowEmpty = Setting<Bool>(
        "allowEmpty", "True: a source without files is a normal copy; by default it counts as partial if there were files before",
        default: false)
    static let extent = Setting<ByteCount>(
        "extent",
        "Extent size for block images, a power of two from 64KiB to 8MiB; by default the parent's, or what fits the source (1MiB or more)")
    static let onUnreadable = Setting<String>(
        "onUnreadable", "What happens when files can't be copied: the copy counts as partial, or the step fails", default: "partial",
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
