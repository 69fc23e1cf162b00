import Crypto
import Basics
import Glibc

/// A repository's folder as restic lays out a local one (restic doc/design.rst, "Repository Layout"). Every call blocks.
struct RepositoryFolder: Sendable {
    /// Absolute.
    let path: String

    init(below root: String, _ target: RequestTarget) {
        path = ([root] + target.repository).joined(separator: "/")
    }

    func folder(_ kind: ObjectKind) -> String { "\(path)/\(kind.rawValue)" }

    func file(_ kind: ObjectKind, _ id: SHA256Digest) -> String {
        let hex = id.hex
        return kind == .data ? "\(path)/data/\(hex.prefix(2))/\(hex)" : "\(folder(kind))/\(hex)"
    }

    /// Whether somebody has begun to make it.
    var exists: Bool { access(folder(.data), F_OK) == 0 }

    /// Folders that `create` makes at most.
    var folderCount: Int { path.pathParts.count + ObjectKind.allCases.count + 256 }

    /// Every folder that restic expects, readable by the owner alone. Idempotent. `made` counts those that were not there.
    func create(made: inout Int) throws(Refusal) {
        var above = ""
        for part in path.pathParts {
            above += "/\(part)"
            try make(above, &made)
        }
        for kind in ObjectKind.allCases { try make(folder(kind), &made) }
        for first in 0..<256 { try make("\(path)/data/" + (first < 16 ? "0" : "") + String(first, radix: 16), &made) }
    }

    private func make(_ folder: String, _ made: inout Int) throws(Refusal) {
        if mkdir(folder, 0o700) == 0 {
            made += 1
        } else if errno != EEXIST {
            throw Refusal(errno: errno, "a new repository")
        }
    }

    /// How many repositories there are in a folder and below it, counted up to `limit`.
    static func count(in folder: String, upTo limit: Int) throws(Refusal) -> Int {
        guard limit > 0, access(folder, F_OK) == 0 else { return 0 }
        var found = access("\(folder)/\(ObjectKind.data.rawValue)", F_OK) == 0 ? 1 : 0
        for name in try names(folder) where name.utf8.first != UInt8(ascii: ".") && ObjectKind(rawValue: name) == nil {
            guard found < limit else { break }
            let path = "\(folder)/\(name)"
            var status = Glibc.stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            found += try count(in: path, upTo: limit - found)
        }
        return found
    }

    /// Folders whose objects together are a list. `.notFound` where there is no repository.
    func parts(_ kind: ObjectKind) throws(Refusal) -> [String] {
        guard access(folder(kind), F_OK) == 0 else { throw Refusal(errno: errno, "a list") }
        guard kind == .data else { return [folder(kind)] }
        return try Self.names(folder(.data)).filter { $0.utf8.count == 2 }.sorted().map { "\(folder(.data))/\($0)" }
    }

    private static func names(_ folder: String) throws(Refusal) -> [String] {
        guard let stream = opendir(folder) else { throw Refusal(errno: errno, "a list") }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw Refusal(errno: errno, "a list") }
                return names
            }
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix(while: { $0 != 0 }), as: UTF8.self) })
        }
    }

    /// Bytes; nil where there is no such file.
    static func size(_ file: String) throws(Refusal) -> Int64? {
        var status = Glibc.stat()
        guard lstat(file, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw Refusal(errno: errno, "an object")
        }
        return status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
    }

    /// Removes an object and says how many bytes went with it; nil when there was none.
    static func remove(_ file: String) throws(Refusal) -> Int64? {
        guard let size = try size(file) else { return nil }
        guard unlink(file) == 0 else {
            if errno == ENOENT { return nil }  // somebody else was first
            throw Refusal(errno: errno, "removing an object")
        }
        return size
    }
}
