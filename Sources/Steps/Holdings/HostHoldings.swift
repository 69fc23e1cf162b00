import Basics
import Foundation
import Glibc
import HostKit
public import StepKit
import StorageKit

/// What steps have made and frozen on this host, found by the names that the kernel and our own folders have of it: whatever system it is of, and
/// whether or not a document of it is still there. Calls block.
public struct HostHoldings: Sendable {
    /// Where steps have their scratch folders.
    let scratchFolder: String

    public init(scratchFolder: String) { self.scratchFolder = scratchFolder }

    /// Freezes that have a mark, mounts and loop devices, and scratch folders with something in them. What is root's only root sees.
    public func inventory() throws -> [Holding] { try freezes() + attachments() + scratch() }

    private func freezes() -> [Holding] {
        FreezeMark.marks().filter { Holding.isKey($0.key) }.map { key, mark, record in
            Holding(kind: .freeze, key: key, name: "freeze of \(record.path) (\(mark.place))", since: Self.changed(mark.place))
        }
    }

    private func attachments() throws -> [Holding] {
        let points = try HoldingFolder(path: MountedImage.folder).holdings(of: .attachment)
        let mapped = LoopDevice.all().filter { Holding.isKey($0.name) }
        return Set(points.map(\.key) + mapped.map(\.name)).sorted().map { key in
            let point = points.first { $0.key == key }?.name
            let devices = mapped.filter { $0.name == key }.map(\.path)
            let words =
                (point.map { [$0] } ?? []) + devices.map { device in LoopDevice.file(of: device).map { "\(device) over \($0)" } ?? device }
            return Holding(kind: .attachment, key: key, name: words.joined(separator: ", "), since: point.flatMap(Self.changed))
        }
    }

    /// Empty ones are nothing: a step that runs has one.
    private func scratch() throws -> [Holding] {
        try HoldingFolder(path: scratchFolder).holdings(of: .scratch).compactMap { holding -> Holding? in
            guard (try? FolderHandle(opening: holding.name).names())?.isEmpty == false else { return nil }
            var holding = holding
            holding.since = Self.changed(holding.name)
            return holding
        }
    }

    private static func changed(_ path: String) -> Instant? {
        var found = stat()
        guard lstat(path, &found) == 0 else { return nil }
        return Instant(microseconds: Int64(found.st_ctim.tv_sec) * 1_000_000)
    }

    // MARK: releasing

    /// Undoes what `inventory` has found, which nobody may need any more: the caller has proved that. Of a freeze nobody may have a window open.
    /// Succeeds when it is gone already.
    public func release(_ holding: Holding) throws {
        switch holding.kind {
        case .freeze: try thaw(holding.key)
        case .attachment: try detach(holding.key)
        case .scratch: try remove(holding.key)
        case .snapshot: break  // never the host's
        }
    }

    private func thaw(_ key: String) throws {
        let marks = FreezeMark.marks()
        for (_, mark, record) in marks where mark.key == key {
            if let asking = record.asking, Freeze.isAtWork(asking) {
                throw StorageError(
                    .unavailable, expected: "a freeze that nobody is still asking for", found: "process \(asking) at it", at: record.path,
                    advice: "let it end, or end it: what the kernel freezes for it is thawed then", retry: .transient)
            }
            // Two of one file system can't be: one of the marks is stale, and the freeze is the other's.
            if let other = marks.first(where: { $0.mark.name != mark.name && $0.record.fileSystem == record.fileSystem }) {
                throw StorageError(
                    .unavailable, expected: "a file system that one job has frozen",
                    found: "the mark of another freeze, \(other.mark.place)",
                    at: record.path, advice: "let the other job end, then look again", retry: .transient)
            }
            _ = try Freeze.end(record, mark)
        }
    }

    /// The clone that is mounted lies where the loop device's file says.
    private func detach(_ key: String) throws {
        let files = LoopDevice.all(named: key).compactMap(LoopDevice.file)
        let folder = files.first { $0.hasSuffix("/\(key).image") }.map { ($0 as NSString).deletingLastPathComponent }
        let own = folder.map { ImageClone(source: "", folder: $0, key: key, isOfClone: true) }
        try MountedImage(key: key, source: "", own: own).remove()
    }

    /// Whose folder something runs in is not over, whatever the database says: a server of a trial that outlived its worker.
    private func remove(_ key: String) throws {
        let path = scratchFolder + "/" + key
        if let process = Self.processes(in: path).first {
            throw StorageError(
                .unavailable, expected: "a scratch folder in which nothing runs", found: "process \(process)", at: path,
                advice: "end it, then look again", retry: .transient)
        }
        _ = try OwnFolder(opening: scratchFolder)
        try FolderRemoval.remove(path)
    }

    /// Those that have their working folder or an open file there, as far as this user may know.
    private static func processes(in path: String) -> [Int32] {
        let manager = FileManager.default
        let numbers = ((try? manager.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        return numbers.filter { number in
            let files = ((try? manager.contentsOfDirectory(atPath: "/proc/\(number)/fd")) ?? []).map { "/proc/\(number)/fd/\($0)" }
            return (["/proc/\(number)/cwd"] + files).contains { link in
                guard let place = try? manager.destinationOfSymbolicLink(atPath: link) else { return false }
                return place == path || place.hasPrefix(path + "/")
            }
        }
    }
}
