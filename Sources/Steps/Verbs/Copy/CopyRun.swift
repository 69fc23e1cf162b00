import FlowModel
import Basics
import Repository
import StepKit
import StorageKit

/// Copies one system into one repository, or finds that an earlier attempt did.
struct CopyRun: Sendable {
    let context: StepContext
    let system: String
    let repositoryName: String
    let repository: Repository
    /// What this step has copied already.
    let finished: [CopyRecord]

    func run() async throws -> CopyRecord {
        if let record = try await earlier() { return record }
        let snapshot = try context.snapshot(of: system)
        let report = try await archive(snapshot)
        var record = CopyRecord(system: system, repository: repositoryName, repositoryID: repository.id, snapshot: report.snapshot)
        let images = (report.image.map { [$0] } ?? []) + report.parts.values
        record.extentsRead = images.isEmpty ? nil : images.reduce(0) { $0 + $1.read }
        record.extentsReused = images.isEmpty ? nil : images.reduce(0) { $0 + $1.reused }
        record.unreadable = report.failures.count
        record.missed = report.failures.prefix(CopyRecord.namedAtMost).map { failure in
            let why = failure.error.kind == .changed ? "changed while it was read (\(failure.error.found))" : failure.error.found
            return "\(system):/\(failure.path): \(why)"
        }
        if report.failures.count > CopyRecord.namedAtMost {
            record.missed.append("and \(report.failures.count - CopyRecord.namedAtMost) more")
        }
        for line in record.missed { context.recorder.log(.warning, line) }
        try await context.recorder.checkpoint(try Checkpoint(copies: finished + [record]).json)
        return record
    }

    private func archive(_ snapshot: SystemSnapshot?) async throws -> ArchiveReport {
        let selection = try Copy.selection(context.settings)
        let options = try options(selection)
        let opened = try await context.openSystem(system)
        let attachment = try context.attachment(of: system, snapshot)
        guard let attachment else { return try await archive(opened, of: snapshot, selection, options) }
        guard let attaching = opened as? any Attaching else { throw unreadable(opened) }
        // What is attached is of that point in time, and knows no other.
        return try await archive(try attaching.attached(attachment), of: nil, selection, options)
    }

    private func archive(
        _ opened: any System, of snapshot: SystemSnapshot?, _ selection: Selection, _ options: ArchiveOptions
    ) async throws -> ArchiveReport {
        switch try context.view(of: system) {
        case .tree:
            guard let source = opened as? any TreeSource else { throw unreadable(opened) }
            return try await archive(tree: source, of: snapshot, selection, options)
        case .image:
            guard let source = opened as? any ImageSource else { throw unreadable(opened) }
            return try await archive(image: source, of: snapshot, options)
        case .parts:
            guard let source = opened as? any PartSource else { throw unreadable(opened) }
            return try await archive(parts: source, of: snapshot, selection, options)
        }
    }

    private func archive(
        tree source: any TreeSource, of snapshot: SystemSnapshot?, _ selection: Selection, _ options: ArchiveOptions
    ) async throws -> ArchiveReport {
        let completion = context.step.snapshots[system].map { WindowCompletion(of: $0, context) }
        try context.recorder.ensureHeld()
        defer { selection.leftOut.log(to: context.recorder) }
        return try await source.withTree(of: snapshot, context) { [repository] in
            let tree = try await completion?.completing($0) ?? $0
            return try await repository.archive(tree, options.leavingOut(selection, of: tree.logicalPath))
        }
    }

    private func unreadable(_ opened: any System) -> StepError {
        StepError(
            .invalidSetting, expected: "a system that can be copied this way",
            found: context.plan.systems[system]?.type ?? "\(type(of: opened))", at: "step \(context.step.id), system \(system)",
            advice: "a worker of another version may have planned it; submit the pipeline anew")
    }

    private func archive(image source: any ImageSource, of snapshot: SystemSnapshot?, _ options: ArchiveOptions) async throws
        -> ArchiveReport
    {
        let image = try ImageOptions(extent: context.settings.optional(Copy.extent), base: await formerBase(snapshot))
        try context.recorder.ensureHeld()
        let report = try await source.withImage(of: snapshot, context) { [repository] in
            try await repository.archive(image: $0, at: source.logicalPath, image, options)
        }
        if let image = report.image { say(image) }
        return report
    }

    private func archive(
        parts source: any PartSource, of snapshot: SystemSnapshot?, _ selection: Selection, _ options: ArchiveOptions
    ) async throws -> ArchiveReport {
        let image = try ImageOptions(extent: context.settings.optional(Copy.extent), base: await formerBase(snapshot))
        try context.recorder.ensureHeld()
        let report = try await source.withParts(of: snapshot, context) { [repository] in
            try await repository.archive(
                parts: $0, at: source.logicalPath, image, options.leavingOut(selection, of: source.logicalPath))
        }
        for (part, image) in report.parts.sorted(by: { $0.key < $1.key }) { say(image, part.printable) }
        return report
    }

    /// The point in time that the last copy of the system was of. Of use to a snapshot only: what is live changes while it is read.
    private func formerBase(_ snapshot: SystemSnapshot?) async throws -> ImageBase? {
        guard snapshot != nil, try context.settings.value(Copy.changeCheck) != "content", let planned = context.plan.systems[system],
            let base = try await context.recorder.base(systemIdentity: planned.identity, repositoryID: repository.id)
        else { return nil }
        return ImageBase(token: try JSONValue(encoding: base.snapshot), snapshotID: base.snapshotID)
    }

    private func say(_ image: ImageReport, _ part: String? = nil) {
        let system = part.map { "\(self.system), \($0)" } ?? self.system
        let size = ByteCount(bytes: image.extentSize).approximate
        context.recorder.log(
            .info, "\(system): \(image.extents.counted("extent")) of \(size), \(image.read) read, \(image.reused) taken from the parent")
        if let refused = image.baseRefused {
            context.recorder.log(image.sourceWasWrong ? .error : .warning, "\(system): read in full, because \(refused)")
        }
    }

    // MARK: resuming

    /// What is whole already: an attempt after a crash goes on with the next.
    private struct Checkpoint: Codable {
        var copies: [CopyRecord]
        var json: JSONValue { get throws { try JSONValue(encoding: self) } }
    }

    /// The view that is copied, where it is not the type's own: as such it is found again.
    private var otherView: SystemView? { context.step.views?[system] }

    private var tags: [String] {
        [
            SnapshotTag.pipeline(context.plan.pipeline), SnapshotTag.system(system), SnapshotTag.job(context.job),
            SnapshotTag.step(context.step.id),
        ] + (otherView.map { [SnapshotTag.view($0)] } ?? [])
    }

    /// The snapshot that an earlier attempt of this step finished.
    private func earlier() async throws -> CopyRecord? {
        guard context.attempt > 1 || context.checkpoint != nil else { return nil }
        guard let snapshot = try await repository.snapshots().last(where: { Set($0.tags).isSuperset(of: tags) }) else { return nil }
        context.recorder.log(.info, "an earlier attempt finished snapshot \(snapshot.shortID) of \(system)")
        let known = try context.checkpoint?.decoded(as: Checkpoint.self).copies ?? []
        if let record = known.first(where: { $0.snapshotID == snapshot.id }) { return record }
        // The worker died between writing the snapshot and saying what it misses.
        var record = CopyRecord(system: system, repository: repositoryName, repositoryID: repository.id, snapshot: snapshot)
        if snapshot.tags.contains(SnapshotTag.partial) {
            record.missed = ["\(system): something could not be read; which files, the worker that read them did not live to tell"]
        }
        return record
    }

    // MARK: what to copy

    private func options(_ selection: Selection) throws -> ArchiveOptions {
        let settings = context.settings
        var options = ArchiveOptions(
            host: origin.host, tags: tags + (try settings.value(Copy.tags)), parent: try parent())
        let origin = origin
        options.chooseParent = { origin.parent(among: $0) }
        options.changeCheck = ChangeCheck(rawValue: try settings.value(Copy.changeCheck)) ?? .metadata
        options.allowsEmpty = try settings.value(Copy.allowEmpty)
        options.tagWhenPartial = SnapshotTag.partial
        let own = context.plan.systems[system]?.settings["excludes"].flatMap { [String](setting: $0) } ?? []
        options.excludePatterns = own + selection.excludes.flatMap(\.texts)
        let recorder = context.recorder
        let done = finished
        options.progress = { progress in
            recorder.progress(
                StepProgress(
                    bytesDone: Int64(clamping: progress.bytes), bytesTotal: progress.bytesTotal.map { Int64(clamping: $0) },
                    itemsDone: Int64(clamping: progress.files),
                    current: "/\(progress.currentPath)"))
        }
        options.checkpoint = { _ in
            try recorder.ensureHeld()
            try await recorder.checkpoint(try Checkpoint(copies: done).json)
        }
        return options
    }

    private var origin: SnapshotOrigin {
        SnapshotOrigin(
            pipeline: context.plan.pipeline, system: system, host: context.plan.systems[system]?.host ?? system, view: otherView)
    }

    private func parent() throws -> ParentChoice {
        switch try context.settings.value(Copy.parent) {
        case "auto": return .automatic
        case "none": return .none
        case let id: return .id(id)
        }
    }

    // MARK: the base

    /// A system snapshot that was copied whole lives on where the system can make use of it.
    func base(_ record: CopyRecord) async throws -> Base? {
        // A base is what an image's next copy starts from; what is attached is read anew.
        guard record.missed.isEmpty, context.step.attachments?[system] == nil, let step = context.step.snapshots[system],
            let snapshot = try context.snapshot(of: system),
            let planned = context.plan.systems[system],
            let keeper = try await context.openSystem(system) as? any Snapshotting, keeper.keepsBase
        else { return nil }
        return Base(
            systemIdentity: planned.identity, repositoryID: record.repositoryID, snapshotID: record.snapshotID, snapshot: snapshot,
            acquiredBy: step, retires: keeper.retires)
    }
}
