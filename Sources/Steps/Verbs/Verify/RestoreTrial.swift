import FlowModel
import Basics
import Repository
import StepKit
import StorageKit
import Threads

/// `restore:` of a verify step: restores a snapshot, compares what is on disk with what was written, and runs checks.
struct RestoreTrial: Sendable {
    /// The system to restore into; a scratch folder when nil.
    let into: String?
    let checks: [[String: JSONValue]]
    let overwrite: Bool

    private static let intoSetting = Setting<String>(
        "into", "The system to restore into; by default a scratch folder, removed afterwards",
        type: .systemName([.treeDestination, .imageDestination]))
    static let checksKey = "checks"
    private static let checksSetting = Setting<[[String: JSONValue]]>(
        checksKey, "Checks that the system makes of what was restored", default: [], type: .list(.map(.any)))
    private static let overwriteSetting = Setting<Bool>("overwrite", "True to replace what is in `into`", default: false)

    static let schema = SettingsSchema([intoSetting.field, checksSetting.field, overwriteSetting.field])

    init(_ values: [String: JSONValue], origin: String) throws(StepError) {
        let settings = Settings(values, origin: origin)
        into = try settings.optional(Self.intoSetting)
        checks = try settings.value(Self.checksSetting)
        overwrite = try settings.value(Self.overwriteSetting)
    }

    /// `checker`: the system whose checks these are, where nothing is restored `into` another.
    func run(_ snapshot: Snapshot, checkedBy checker: String?, in repository: Repository, _ context: StepContext, _ finding: inout Finding)
        async throws
    {
        do {
            var facts: [String: JSONValue] = [:]
            if let into {
                facts = try await restore(snapshot, in: repository, into: into, context)
                facts["into"] = .string(into)
            } else {
                let scratch = try ScratchRestore(context)
                try await context.recorder.recordUndo(["folder": .string(scratch.path)])
                try await scratch.remove()
                facts = try await restore(snapshot, in: repository, to: scratchSystem(scratch.path), readBack: scratch.path, context)
            }
            var context = context
            context.restoredFolder = into == nil ? try ScratchRestore(context).path : nil
            if let results = try await runChecks(checker, context) { facts["checks"] = results }
            finding.restored(facts)
            if into == nil { try await ScratchRestore(context).remove() }
        } catch let error as StepError where error.kind == .verification {
            finding.add(error)
        } catch let error as RepositoryError where error.retry == .permanent {
            finding.add(error)
        }
    }

    private func scratchSystem(_ path: String) -> DirectorySystem {
        DirectorySystem(path: path)
    }

    private func restore(_ snapshot: Snapshot, in repository: Repository, into name: String, _ context: StepContext) async throws
        -> [String: JSONValue]
    {
        let opened = try await context.openSystem(name)
        if let destination = opened as? any ImageDestination, let image = try await repository.imageDescription(of: snapshot) {
            return try await restoreImage(snapshot, of: image, in: repository, to: destination, context)
        }
        guard let destination = opened as? any TreeDestination else {
            throw StepError(
                .invalidSetting, expected: "a snapshot of a block image, because \(name) takes nothing else",
                found: snapshot.paths.joined(separator: ", "), at: "step \(context.step.id)", advice: "restore into a directory")
        }
        var facts = try await restore(
            snapshot, in: repository, to: destination, readBack: (destination as? DirectorySystem)?.path, context)
        if let parts = destination as? any PartSource {
            facts["compared"] = .int(try await compare(snapshot, in: repository, with: parts, context))
        }
        return facts
    }

    /// The images among a system's parts, read back: how many bytes were compared.
    private func compare(
        _ snapshot: Snapshot, in repository: Repository, with source: any PartSource, _ context: StepContext
    ) async throws -> Int64 {
        try await source.withParts(of: nil, context) { parts in
            var compared: Int64 = 0
            for part in parts {
                guard case .image(let image) = part.content, try await repository.imageDescription(of: snapshot, part: part.name) != nil
                else { continue }
                let differing = try await repository.compareImage(snapshot, part: part.name, with: image)
                guard differing.isEmpty else {
                    throw Self.differs(snapshot, differing, at: "/\(source.logicalPath)/\(part.name)")
                }
                compared += image.size
            }
            return compared
        }
    }

    private static func differs(_ snapshot: Snapshot, _ ranges: [Range<Int64>], at location: String) -> StepError {
        StepError(
            .verification, expected: "what was restored to equal snapshot \(snapshot.shortID)",
            found: "\(ranges.count.counted("differing range")), the first from byte \(ranges[0].lowerBound) to \(ranges[0].upperBound)",
            at: location, advice: "restore once more into another place; if it differs again, look at that disk and at this one")
    }

    private func restoreImage(
        _ snapshot: Snapshot, of image: ImageDescription, in repository: Repository, to destination: any ImageDestination,
        _ context: StepContext
    ) async throws -> [String: JSONValue] {
        let recorder = context.recorder
        let options = RestoreOptions(progress: { progress in
            recorder.progress(
                StepProgress(
                    bytesDone: Int64(clamping: progress.bytes), bytesTotal: image.size, current: "restoring /\(progress.currentPath)"))
        })
        try recorder.ensureHeld()
        let report = try await destination.withImageWriter(of: image, overwrite: overwrite, context) {
            try await repository.restoreImage(snapshot, to: $0, options)
        }
        var facts: [String: JSONValue] = ["bytes": .int(report.bytes), "bytesWritten": .int(report.bytesWritten)]
        guard let source = destination as? any ImageSource else { return facts }
        let differing = try await source.withImage(of: nil, context) { try await repository.compareImage(snapshot, with: $0) }
        guard differing.isEmpty else { throw Self.differs(snapshot, differing, at: "/\(source.logicalPath)") }
        facts["compared"] = .int(image.size)
        return facts
    }

    private func restore(
        _ snapshot: Snapshot, in repository: Repository, to destination: any TreeDestination, readBack folder: String?,
        _ context: StepContext
    ) async throws -> [String: JSONValue] {
        let recorder = context.recorder
        let options = RestoreOptions(
            root: snapshot.restoreRoot,
            progress: { progress in
                recorder.progress(
                    StepProgress(
                        bytesDone: Int64(clamping: progress.bytes), itemsDone: Int64(clamping: progress.files),
                        current: "restoring /\(progress.currentPath)"))
            })
        let witness = WitnessLedger()
        try recorder.ensureHeld()
        let report = try await destination.withTreeWriter(overwrite: overwrite, context) { writer in
            let report = try await repository.restore(snapshot, to: WitnessWriter(base: writer, ledger: witness), options)
            try requireWhole(report, context)
            return report
        }
        var facts: [String: JSONValue] = [
            "files": .int(Int64(clamping: report.files)), "folders": .int(Int64(clamping: report.directories)),
            "bytes": .int(Int64(clamping: report.bytes)),
        ]
        guard let folder else { return facts }
        // Read back through the file system, without anything left out.
        let reader = try FolderReader(path: folder)
        let isStopped = StopFlag()
        let differences = try await withTaskCancellationHandler {
            try await BlockingPool(label: "compare", width: 1).run { try witness.compare(with: reader, isStopped: { isStopped.isRaised }) }
        } onCancel: {
            isStopped.raise()
        }
        guard let first = differences.first else {
            facts["compared"] = .int(Int64(witness.count))
            return facts
        }
        throw StepError(
            .verification, expected: "what was restored to equal snapshot \(snapshot.shortID)",
            found: "\(differences.count.counted("difference")), the first: \(first)",
            at: folder, advice: "restore once more into another place; if it differs again, look at that disk and at this one")
    }

    /// What can't be restored for want of room or rights says nothing of the copy; what the repository no longer holds does.
    private func requireWhole(_ report: RestoreReport, _ context: StepContext) throws {
        guard !report.failures.isEmpty else { return }
        let lost = report.failures.filter { $0.error is RepositoryError }
        guard let first = lost.first else { return try Restore.requireWhole(report, context) }
        throw StepError(
            .verification, expected: "every file to be restorable",
            found: "\(lost.count.counted("lost one")), the first: /\(first.path): \(first.error.found)",
            at: first.error.location, advice: first.error.advice)
    }

    private func runChecks(_ checker: String?, _ context: StepContext) async throws -> JSONValue? {
        guard !checks.isEmpty else { return nil }
        guard let name = into ?? checker else {
            throw StepError(
                .invalidSetting, expected: "a system whose `checks` these are", found: "a snapshot that no system of this pipeline made",
                at: context.settings.origin, advice: "verify a copy step, or leave `scope: repository` out")
        }
        let verifier = try await context.openSystem(name, as: (any Verifying).self)
        let settings = checks.enumerated().map { Settings($1, origin: "\(context.settings.origin), check \($0 + 1)") }
        return .array(try await verifier.check(each: settings, context).map { .object($0) })
    }
}
