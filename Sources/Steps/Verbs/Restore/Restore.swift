import FlowModel
import Basics
import Repository
import StepKit
import StorageKit

/// Brings a repository snapshot back into a system.
struct Restore: Verb {
    let declaration = VerbDeclaration(
        name: "restore", summary: "Bring a repository snapshot back into a system", subject: .repositorySnapshot,
        schema: SettingsSchema([
            Self.from.field, Self.to.field, Self.paths.field, Self.overwrite.field, Self.dryRun.field, Self.before.field, Self.system.field,
            Self.pipeline.field, Self.host.field, Self.view.field, Self.tags.field, Self.range.field, Self.part.field,
        ]), workClass: .restore, holdsSystems: .exclusive, holdsRepositories: .shared,
        outputs: [
            "snapshotID": "The repository snapshot's id", "repositoryID": "The repository's own id", "files": "Files restored",
            "bytes": "Bytes restored", "warnings": "Metadata that could not be set",
            "granted": "Roles of a database server: powers beyond what was restored that they were given",
            "withheld": "Roles of a database server: what they had and were not given",
        ])

    static let from = Setting<String>.required("from", "The repository to restore from", type: .repositoryName)
    static let to = Setting<String>.required("to", "The system to restore into", type: .systemName([.treeDestination, .imageDestination]))
    static let paths = Setting<[String]>(
        "paths", "What to restore, as absolute paths in the snapshot; by default, everything", default: [], type: .list(.path))
    static let overwrite = Setting<Bool>("overwrite", "True to replace what is there", default: false)
    static let dryRun = Setting<Bool>("dryRun", "True to report only what would be restored", default: false)
    static let before = Setting<String>("before", "Consider only snapshots before this time (2026-11-23T04:00:00Z)")
    static let system = Setting<String>(
        "system",
        "Consider only snapshots of the system with this name; by default `to`, if this pipeline copies it into the repository, "
            + "or else the only system that it copies there"
    )
    static let pipeline = Setting<String>(
        "pipeline", "Consider only snapshots made by the pipeline with this name, which may be another document's")
    static let host = Setting<String>("host", "Consider only snapshots of this host, including other programs'")
    static let view = Setting<String>(
        ViewReading.setting,
        "Consider only snapshots of this view: the system's files (tree), its disk (image), or its parts; by default, the type's own",
        type: .choice(SystemView.allCases.map(\.rawValue)))
    static let tags = Setting<[String]>(
        "tags", "Consider only snapshots with one of these tags; of tags joined by commas, a snapshot must have all")
    static let range = Setting<String>(
        "range",
        "For a block image: restore only these bytes, into the existing image: `1GiB+64MiB` is 64 MiB from 1 GiB on; requires `overwrite`")

    static let part = Setting<String>(
        "part", "For a system of several parts: restore only the one with this name, into the same system or one that takes what it is")

    func problems(in settings: Settings) -> [SettingProblem] {
        let problem = SettingProblem(Self.range.name) {
            guard let text = try settings.optional(Self.range), !text.contains("${") else { return }
            _ = try ImagePart(text, origin: settings.origin)
            guard try settings.value(Self.overwrite) else {
                throw StepError(
                    .invalidSetting, expected: "`overwrite: true` beside `range`", found: "none", at: settings.origin,
                    advice: "a part is written into the image that is there; say that it may be")
            }
        }
        return problem.map { [$0] } ?? []
    }

    func run(_ context: StepContext) async throws -> StepResult {
        let settings = context.settings
        let repository = try await context.openRepository(try settings.value(Self.from))
        let chosen = try choose(among: try await repository.snapshotList(), context, at: repository.location)
        let snapshot = chosen.snapshot
        context.recorder.log(.info, chosen.words())
        for warning in chosen.warnings { context.recorder.log(.warning, warning) }
        var outputs: [String: JSONValue] = ["snapshotID": .string(snapshot.id), "repositoryID": .string(repository.id)]
        let isDry = try settings.value(Self.dryRun)
        if !isDry, let image = try await restoreImage(snapshot, from: repository, context) {
            outputs["files"] = 1
            outputs["bytes"] = .int(image.bytes)
            outputs["warnings"] = 0
            return StepResult(outputs: outputs)
        }
        let options = try await options(snapshot, from: repository, context)
        let report: RestoreReport
        if isDry {
            report = try await repository.restore(snapshot, to: CountingWriter(), options)
        } else {
            let target = try settings.value(Self.to)
            let destination = try await context.openSystem(target, as: (any TreeDestination).self)
            let mayReplace = try await mayReplace(destination, context)
            try context.recorder.ensureHeld()
            let restore: @Sendable (any TreeWriter) async throws -> RestoreReport = { writer in
                let report = try await repository.restore(snapshot, to: writer, options)
                try Self.requireWhole(report, context)
                return report
            }
            if let telling = destination as? any TellingDestination {
                let (whole, told) = try await telling.withTellingWriter(overwrite: mayReplace, context, restore)
                report = whole
                outputs.merge(told) { own, _ in own }
            } else {
                report = try await destination.withTreeWriter(overwrite: mayReplace, context, restore)
            }
        }
        for warning in report.warnings { context.recorder.log(.warning, warning.description) }
        outputs["files"] = .int(Int64(clamping: report.files))
        outputs["bytes"] = .int(Int64(clamping: report.bytes))
        outputs["warnings"] = .int(Int64(clamping: report.warningCount))
        return StepResult(outputs: outputs)
    }

    /// Restores a snapshot of a block image into a system that takes one; nil when either is something else.
    private func restoreImage(_ snapshot: Snapshot, from repository: Repository, _ context: StepContext) async throws -> ImageRestoreReport?
    {
        let target = try context.settings.value(Self.to)
        let opened = try await context.openSystem(target)
        guard let destination = opened as? any ImageDestination else {
            guard try context.settings.optional(Self.range) == nil else {
                throw StepError(
                    .invalidSetting, expected: "a system that is a block image, for a `range`", found: target,
                    at: "step \(context.step.id)",
                    advice: "leave `range` out, or restore into a blockdevice or ceph-rbd")
            }
            return nil
        }
        let part = try part(of: snapshot, context)
        guard let image = try await repository.imageDescription(of: snapshot, part: part), try context.settings.value(Self.paths).isEmpty
        else {
            guard opened is any TreeDestination else {
                throw StepError(
                    .invalidSetting, expected: "a snapshot of a block image, and no `paths`, because \(target) takes one image",
                    found: "\(snapshot.shortID) of \(snapshot.paths.joined(separator: ", "))", at: "step \(context.step.id)",
                    advice: "restore it into a directory, name one of its parts (`part:`), or choose another snapshot")
            }
            return nil
        }
        let options = try await options(snapshot, from: repository, context)
        try context.recorder.ensureHeld()
        if let range = try range(context.settings) {
            return try await destination.withImageWriter(within: range, context) {
                try await OverwritingWriter.restore(into: target, $0) {
                    try await repository.restoreImage(snapshot, part: part, to: $0, range: range, options)
                }
            }
        }
        return try await destination.withImageWriter(of: image, overwrite: try context.settings.value(Self.overwrite), context) {
            try await OverwritingWriter.restore(into: target, $0) {
                try await repository.restoreImage(snapshot, part: part, to: $0, options)
            }
        }
    }

    /// The part that is to be restored; nil for all there is. Refused where the snapshot has none of that name.
    private func part(of snapshot: Snapshot, _ context: StepContext) throws(StepError) -> FileName? {
        guard let name = try context.settings.optional(Self.part) else { return nil }
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
            throw StepError(
                .invalidSetting, expected: "the name of a part", found: name.printable, at: "step \(context.step.id)",
                advice: "`snapshots ls` shows the parts as the entries of the system's folder; other places are `paths`")
        }
        guard snapshot.paths.count == 1 else {
            throw StepError(
                .invalidSetting, expected: "a snapshot of one system, of which \(name) is a part",
                found: "\(snapshot.shortID) of \(snapshot.paths.count) paths", at: "step \(context.step.id)",
                advice: "restore by `paths` instead")
        }
        return FileName(name)
    }

    private func range(_ settings: Settings) throws(StepError) -> Range<Int64>? {
        guard let text = try settings.optional(Self.range) else { return nil }
        guard try settings.value(Self.overwrite) else {
            throw StepError(.invalidSetting, expected: "`overwrite: true` beside `range`", found: "none", at: settings.origin)
        }
        return try ImagePart(text, origin: settings.origin).bytes
    }

    /// Told to; or what is there comes from an attempt before, which found the place empty.
    private func mayReplace(_ destination: any TreeDestination, _ context: StepContext) async throws -> Bool {
        if try context.settings.value(Self.overwrite) || context.checkpoint?["emptyAtStart"]?.boolValue == true { return true }
        let isEmpty: Bool
        if let known = try await destination.isEmpty(context) {
            if known { try await context.recorder.checkpoint(["emptyAtStart": true]) }
            return false
        }
        guard let source = destination as? any TreeSource else { return false }
        do {
            isEmpty = try await source.withTree(of: nil, context) { try $0.list(TreePath()).entries.isEmpty }
        } catch let error as StorageError where error.kind == .notFound {
            isEmpty = true
        }
        if isEmpty { try await context.recorder.checkpoint(["emptyAtStart": true]) }
        return false
    }

    /// A folder's content lands at the system's root, wherever it came from; with several paths in the snapshot each keeps its own.
    private func options(_ snapshot: Snapshot, from repository: Repository, _ context: StepContext) async throws -> RestoreOptions {
        let recorder = context.recorder
        var paths = try context.settings.value(Self.paths).map { TreePath($0) }
        var root = snapshot.restoreRoot
        if let part = try part(of: snapshot, context) {
            let place = root.appending(part)
            let target = try context.settings.value(Self.to)
            let isOfParts = context.plan.systems[target].flatMap { context.catalog.system($0.type) }?.views.contains(.parts) ?? false
            // A folder's content lands at the root of what takes folders; a system of parts has a place for each by its name.
            let isFolder = try await repository.imageDescription(of: snapshot, part: part) == nil
            if isFolder, !isOfParts { root = place } else if paths.isEmpty { paths = [place] }
        }
        return RestoreOptions(
            paths: paths, root: root,
            progress: { progress in
                recorder.progress(
                    StepProgress(
                        bytesDone: Int64(clamping: progress.bytes), itemsDone: Int64(clamping: progress.files),
                        current: "/\(progress.currentPath)"))
            })
    }

    static func requireWhole(_ report: RestoreReport, _ context: StepContext) throws(StepError) {
        guard let first = report.failures.first else { return }
        let isRefused = report.failures.contains { $0.error.kind == .exists }
        throw StepError(
            isRefused ? .exists : .failed, expected: "every file to be restored",
            found: "\(report.failureCount) not restored, the first: /\(first.path): \(first.error.found)", at: "step \(context.step.id)",
            advice: isRefused ? "restore into an empty place, or declare `overwrite: true`" : first.error.advice, retry: first.error.retry)
    }

    private func choose(among list: SnapshotList, _ context: StepContext, at location: String) throws -> PickedSnapshot {
        let settings = context.settings
        guard case .snapshot(let text) = context.step.subject else {
            throw StepError(.invalidSetting, expected: "latest, or a snapshot's id", found: "something else", at: settings.origin)
        }
        let own = OwnSnapshots(of: [context.plan], in: try settings.value(Self.from))
        let filter = try filter(settings, own, among: list, context)
        return try SnapshotChoice(text).pick(among: list, filter, own: own, now: .now, at: location)
    }

    private func filter(
        _ settings: Settings, _ own: OwnSnapshots, among list: SnapshotList, _ context: StepContext
    ) throws -> SnapshotFilter {
        var filter = SnapshotFilter()
        filter.system = try settings.optional(Self.system)
        filter.pipeline = try settings.optional(Self.pipeline)
        filter.hosts = try settings.optional(Self.host).map { [$0] } ?? []
        filter.tags = try settings.optional(Self.tags)?.map(SnapshotFilter.tagList) ?? []
        // What is brought back into a system that is copied here is its own.
        let target = try settings.value(Self.to)
        if filter.isEmpty, own.copied.contains(where: { $0.system == target }) { filter.system = target }
        if let view = try settings.optional(Self.view).flatMap(SystemView.init(rawValue:)) {
            let type = filter.system.flatMap { context.plan.systems[$0] }.flatMap { context.catalog.system($0.type) }
            filter.view = SnapshotFilter.View(view, of: type, among: filter.admitted(list.snapshots))
        }
        filter.before = try settings.optional(Self.before).map { try SnapshotTime.parse($0, at: settings.origin) }
        return filter
    }
}

extension Snapshot {
    /// The folder whose content is what was backed up.
    var restoreRoot: TreePath { paths.count == 1 ? TreePath(paths[0]) : TreePath() }
}

/// Takes a restore and keeps nothing: what a dry run writes to.
private struct CountingWriter: TreeWriter {
    struct File: FileWriter {
        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {}
        func finish() throws {}
        func abandon() {}
    }
    func makeDirectory(_ path: TreePath) throws {}
    func createFile(_ path: TreePath, size: Int64) throws -> any FileWriter { File() }
    func createSpecial(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] { [] }
    func link(_ path: TreePath, to existing: TreePath) throws {}
    func setMetadata(_ path: TreePath, _ metadata: FileMetadata) throws -> [StorageError] { [] }
}
