import Crypto
import Basics
import Foundation
import Glibc
import HostKit
import StorageKit

/// Says on this host, until it is switched off, that we froze a file system: what is frozen without a mark is somebody else's.
///
/// Written before the kernel is asked, so that a process that dies in between leaves it to whoever thaws.
struct FreezeMark: Sendable {
    struct Record: Codable, Sendable {
        var path: String
        /// `FileSystemIdentity.text`
        var fileSystem: String
        /// The process that asked, while the kernel has not answered.
        var asking: Int32?
    }

    /// The freeze's key, and what it freezes: a window may freeze several.
    let name: String

    /// The folder of marks.
    private let folder: String

    init(key: String, path: String, in folder: String = Self.folder) {
        self.init(name: "\(key)@\(SHA256.hex(Array(path.utf8)).prefix(16))", in: folder)
    }
    private init(name: String, in folder: String) { (self.name, self.folder) = (name, folder) }

    /// In memory (tmpfs): gone with the machine's power, as every freeze is. Marks count, and are made, where nobody else can write: whoever could
    /// would say what is thawed, and where root writes.
    static var folder: String {
        let own = "/run/snappy-flow"
        if geteuid() == 0 || access(own, W_OK) == 0 { return own + "/freezes" }
        return (ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"] ?? "/tmp/snappy-flow-\(geteuid())") + "/freezes"
    }

    /// The freeze's key.
    var key: String { String(name.prefix { $0 != "@" }) }
    /// The mark's own path.
    var place: String { "\(folder)/\(name)" }

    func read() -> Record? {
        guard (try? OwnFolder(opening: folder)) != nil, let data = FileManager.default.contents(atPath: place) else { return nil }
        return try? JSONDecoder().decode(Record.self, from: data)
    }

    func write(_ record: Record) throws(StorageError) {
        do {
            try OwnFolder(making: folder, above: 0o700).write(Array(JSONEncoder().encode(record)), to: name)
        } catch let error as Explanation {
            throw StorageError(
                error.kind == .folderNotPrivate ? .accessDenied : .failed,
                expected: "a mark of the freeze that can be written: \(error.expected)",
                found: error.found, at: error.location, advice: error.advice, retry: error.retry)
        } catch {
            throw StorageError(
                .failed, expected: "a mark of the freeze that can be written", found: error.localizedDescription, at: place,
                advice: "freezing needs a folder for marks that lives in memory; run the worker as root")
        }
    }

    func remove() { unlink(place) }

    /// Every freeze of ours on this host.
    static func all() -> [Record] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { FreezeMark(name: $0, in: folder).read() }
    }

    /// All of them, each with its freeze's key and what it says.
    static func marks() -> [(key: String, mark: FreezeMark, record: Record)] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().compactMap { name in
            let mark = FreezeMark(name: name, in: folder)
            return mark.read().map { (mark.key, mark, $0) }
        }
    }

    /// Throws when the file system of `path` is frozen by us: writing to it would wait for the thaw, which waits for the writing.
    static func refuseWriting(to path: String) throws(StorageError) {
        let marks = all()
        guard !marks.isEmpty, let identity = FileSystemIdentity(ofPath: path),
            // A mark of what is no longer mounted there says nothing.
            let mark = marks.first(where: { $0.fileSystem == identity.text && FileSystemIdentity(ofPath: $0.path) == identity })
        else { return }
        throw StorageError(
            .unsupported, expected: "a place for the snapshot that is not frozen",
            found: "the file system at \(mark.path), frozen by this window",
            at: path,
            advice:
                "leave the quiesce of that file system out, because the snapshot is one instant anyway, or keep snapshots on another one; if "
                + "nothing is frozen, the mark in \(folder) is left from a job that nobody undid: remove it"
        )
    }
}
