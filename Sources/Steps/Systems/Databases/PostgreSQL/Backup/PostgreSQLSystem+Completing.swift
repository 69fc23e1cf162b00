import FlowModel
import Basics
import PostgreSQL
import StepKit
import StorageKit

/// A copy of files that were snapshotted in backup mode is a backup with the label beside them, and the WAL up to where backup mode ended.
extension PostgreSQLSystem: TreeCompleting {
    func completing(_ tree: any TreeReader, thawed: [String: JSONValue], _ context: StepContext) async throws -> any TreeReader {
        guard let folder = thawed["dataFolder"]?.stringValue, let label = thawed["label"]?.stringValue,
            let system = thawed["system"]?.stringValue, let openedAt = thawed["openedAt"]?.intValue,
            let end = thawed["endedAt"]?.stringValue, let segmentBytes = thawed["segmentBytes"]?.intValue,
            let range = WALRange(label: label, end: end, segmentBytes: UInt64(segmentBytes))
        else {
            throw StepError(
                .windowVoid, expected: "the backup label of \(server.place)", found: "none", at: "step \(context.step.id)",
                advice: "retry the job: it takes the window anew")
        }
        guard let place = try WindowDataFolder(folder: folder, system: system).place(in: tree) else {
            context.recorder.log(.info, "/\(tree.logicalPath) holds nothing of the data folder \(folder): it is copied as it is")
            return tree
        }
        var files = [TreePath([DataFolderFiles.label]): AddedFile(text: label)]
        if let text = thawed["tablespaceMap"]?.stringValue, !text.isEmpty {
            guard var map = TablespaceMap(text) else {
                throw StepError(
                    .otherAnswer, expected: "a line of an oid and a folder for each tablespace",
                    found: String(reflecting: text.prefix(200)),
                    at: server.place, advice: "look who changed pg_backup_stop on this server: PostgreSQL's own answers nothing else")
            }
            try await requireTablespaces(&map, in: tree, context)
            files[TreePath([DataFolderFiles.tablespaceMap])] = AddedFile(text: map.text)
        }
        let connection = server.connection(name: BackupSession.name(context.key))
        for segment in range.segments {
            files[TreePath([DataFolderFiles.wal, range.fileName(segment)])] = AddedFile(size: segmentBytes) {
                let stream = try WALStream(range, segment: segment, from: connection)
                return { try stream.read(into: $0) }
            }
        }
        context.recorder.log(
            .info,
            "with its label and \(range.segments.count.counted("segment")) of WAL, \(range.fileName(range.segments.lowerBound)) and on")
        return CompletedTree(tree, data: place, files: files, openedAt: FileTime(seconds: openedAt))
    }

    /// The slot may be another process's: its session is ended by its name.
    func completed(thawed: [String: JSONValue], _ context: StepContext) async throws {
        guard let keeper = thawed["keeper"]?.stringValue else { return }
        if let key = WALKeeper.key(keeper), sessions.endLinger(key) { return }
        _ = try await server.connect().query(ServerQuery.endSessions.text, [.text(keeper)])
    }

    /// Each tablespace lies in this tree, or in another snapshot of the same window: without it the copy would start as a server that has lost
    /// tables. One of this tree that the server finds over a link gets the place where it lies: there a copy has it.
    private func requireTablespaces(_ map: inout TablespaceMap, in tree: any TreeReader, _ context: StepContext) async throws {
        var missing: [TablespaceMap.Entry] = []
        for index in map.entries.indices {
            if let found = WindowDataFolder.tablespace(map.entries[index].location, in: tree) {
                map.entries[index].location = found
            } else {
                missing.append(map.entries[index])
            }
        }
        guard !missing.isEmpty else { return }
        for (name, snapshot) in try context.snapshotsOfWindow() where !missing.isEmpty {
            let source = try await context.openSystem(name) as? any TreeSource
            let wanted = missing
            let left = try await source?.withTree(of: snapshot, context) { tree in
                wanted.filter { WindowDataFolder.tablespace($0.location, in: tree) == nil }
            }
            missing = left ?? missing
        }
        guard let first = missing.first else { return }
        throw StepError(
            .tablespaceOutside, expected: "every tablespace in the snapshots of the window",
            found: "\(first.location) (\(first.oid)) in none" + (missing.count > 1 ? ", and \(missing.count - 1) more" : ""),
            at: "/\(tree.logicalPath)",
            advice:
                "snapshot a folder that holds the tablespaces too, or that one beside it; or copy with `method: base`, which takes them along"
        )
    }
}

extension StepContext {
    /// Every system snapshot of the windows whose snapshots this step is about, with the system it is of.
    fileprivate func snapshotsOfWindow() throws -> [(system: String, snapshot: SystemSnapshot)] {
        let windows = Set(step.snapshots.values.compactMap { plan.step($0)?.window })
        var found: [(String, SystemSnapshot)] = []
        for step in plan.steps where step.window.map(windows.contains) ?? false && !step.isCompensation {
            for (system, recorded) in outputs[step.id]?["snapshots"]?.objectValue ?? [:] {
                found.append((system, try recorded.recordedSnapshot(at: "step \(step.id), system \(system)")))
            }
        }
        return found
    }
}
