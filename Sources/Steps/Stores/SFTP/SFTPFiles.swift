import Basics
import StorageKit

/// Files and folders of a server. Paths are absolute or below the account's home.
extension SFTPSession {
    /// A server takes and gives at least so much at once (section 3).
    private static let piece = 32 << 10
    /// Requests on their way at once: enough for a fast line that is long.
    private static let window = 64

    private static let readFlag: UInt32 = 1
    private static let newFileFlags: UInt32 = 2 | 8 | 32  // write, create, only when there is none

    private func require(_ answer: SFTPPacket, _ expected: String, _ path: String) throws(StorageError) {
        let status = status(answer)
        if status != .ok { throw error(status, expected, path) }
    }

    private func handle(_ answer: SFTPPacket, _ expected: String, _ path: String) throws(StorageError) -> [UInt8] {
        var fields = SFTPFields(answer.bytes)
        guard answer.kind == SFTPPacket.Kind.handle.rawValue, let handle = fields.text() else {
            throw error(status(answer), expected, path)
        }
        return handle
    }

    private func open(_ path: String, _ flags: UInt32, _ expected: String) throws(StorageError) -> [UInt8] {
        let answer = try ask(.open) {
            $0.add(path)
            $0.add(flags)
            // Nobody else reads a repository's files.
            $0.add(UInt32(4))
            $0.add(UInt32(0o600))
        }
        return try handle(answer, expected, path)
    }

    private func close(_ handle: [UInt8]) throws(StorageError) -> SFTPPacket { try ask(.close) { $0.add(handle) } }

    /// Nil where there is nothing.
    func attributes(_ path: String) throws(StorageError) -> SFTPAttributes? {
        let answer = try ask(.stat) { $0.add(path) }
        if status(answer) == .noSuchFile { return nil }
        var fields = SFTPFields(answer.bytes)
        guard answer.kind == SFTPPacket.Kind.attributes.rawValue, let found = fields.attributes() else {
            throw error(status(answer), "what a name stands for", path)
        }
        return found
    }

    /// With those above it. Succeeds where it is there.
    func makeFolder(_ path: String) throws(StorageError) {
        if let there = try attributes(path) {
            guard there.isFolder else {
                throw StorageError(.invalid, expected: "a folder", found: "something else", at: path, advice: "choose another path")
            }
            return
        }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try makeFolder(String(path[..<slash])) }
        let answer = try ask(.makeFolder) {
            $0.add(path)
            $0.add(UInt32(4))
            $0.add(UInt32(0o700))
        }
        // Another worker may have been first.
        if status(answer) != .ok, try attributes(path)?.isFolder != true { throw error(status(answer), "a folder that can be made", path) }
    }

    /// A new file, on the server's disk where the server can tell that; what is begun and fails goes.
    func write(_ path: String, _ bytes: [UInt8]) throws(StorageError) {
        let file = try open(path, Self.newFileFlags, "a new file")
        do {
            try send(bytes, to: file, path)
            if knows("fsync@openssh.com") {
                try require(
                    try ask(.extended) {
                        $0.add("fsync@openssh.com")
                        $0.add(file)
                    }, "the file on the server's disk", path)
            }
            try require(try close(file), "the file to be stored", path)
        } catch {
            if !isBroken {
                // Its room is free when nobody has it open any more.
                _ = try? close(file)
                try? remove(path)
            }
            throw error
        }
    }

    private func send(_ bytes: [UInt8], to file: [UInt8], _ path: String) throws(StorageError) {
        var failed: StorageError?
        var underWay = 0
        func takeAnswer() throws(StorageError) {
            let (_, answer) = try answer()
            underWay -= 1
            if failed == nil, status(answer) != .ok { failed = error(status(answer), "the file's bytes to be stored", path) }
        }
        for start in stride(from: 0, to: bytes.count, by: Self.piece) where failed == nil {
            if underWay == Self.window { try takeAnswer() }
            try request(.write) {
                $0.add(file)
                $0.add(UInt64(start))
                $0.add(bytes[start..<min(start + Self.piece, bytes.count)])
            }
            underWay += 1
        }
        while underWay > 0 { try takeAnswer() }
        if let failed { throw try fullness(failed, bytes.count, path) }
    }

    /// "Failure" is all that a server says of a full disk: it is asked.
    private func fullness(_ failure: StorageError, _ needed: Int, _ path: String) throws(StorageError) -> StorageError {
        guard knows("statvfs@openssh.com"), failure.kind == .failed else { return failure }
        let answer = try ask(.extended) {
            $0.add("statvfs@openssh.com")
            $0.add(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        }
        // f_bsize, f_frsize, f_blocks, f_bfree, f_bavail (OpenSSH PROTOCOL, 4.4)
        var fields = SFTPFields(answer.bytes)
        _ = fields.long()
        guard answer.kind == SFTPPacket.Kind.extendedReply.rawValue, let unit = fields.long(), fields.long() != nil, fields.long() != nil,
            let free = fields.long(), free < (UInt64(needed) + unit - 1) / max(unit, 1)
        else { return failure }
        return StorageError(
            .noSpace, expected: "\(needed.counted("byte")) of room", found: (free * unit).counted("byte"), at: failure.location,
            advice: "free space on the server, then run again: what was stored is kept", retry: .transient)
    }

    /// Fails where the new name is taken (section 6.5).
    func rename(_ path: String, to new: String) throws(StorageError) -> Bool {
        let answer = try ask(.rename) {
            $0.add(path)
            $0.add(new)
        }
        if status(answer) == .ok { return true }
        if try attributes(new) != nil { return false }
        throw error(status(answer), "the file to get its name", new)
    }

    /// Succeeds where there is none.
    func remove(_ path: String) throws(StorageError) {
        let answer = try ask(.remove) { $0.add(path) }
        if status(answer) != .noSuchFile { try require(answer, "the file to be removed", path) }
    }

    /// Part of a file, all of it where `range` is nil. `.truncated` where the file ends before.
    func read(_ path: String, _ range: Range<Int64>?) throws(StorageError) -> [UInt8] {
        guard let size = try attributes(path)?.size else { throw error(.noSuchFile, "a file", path) }
        let wanted = range ?? 0..<size
        guard wanted.upperBound <= size else { throw short(path, wanted.upperBound, size) }
        guard !wanted.isEmpty else { return [] }
        let file = try open(path, Self.readFlag, "a file that can be read")
        let bytes: [UInt8]
        do { bytes = try receive(wanted, of: file, path) } catch {
            if !isBroken { _ = try? close(file) }
            throw error
        }
        _ = try close(file)
        return bytes
    }

    private func receive(_ wanted: Range<Int64>, of file: [UInt8], _ path: String) throws(StorageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: wanted.count)
        var waiting: [UInt32: Range<Int64>] = [:]
        var failed: StorageError?
        func ask(_ part: Range<Int64>) throws(StorageError) {
            let id = try request(.read) {
                $0.add(file)
                $0.add(UInt64(part.lowerBound))
                $0.add(UInt32(part.count))
            }
            waiting[id] = part
        }
        func takeAnswer() throws(StorageError) {
            let (id, answer) = try answer()
            guard let part = waiting.removeValue(forKey: id) else { return }
            var fields = SFTPFields(answer.bytes)
            guard answer.kind == SFTPPacket.Kind.data.rawValue, let data = fields.text(), !data.isEmpty, data.count <= part.count else {
                let status = status(answer)
                failed =
                    failed ?? (status == .end ? short(path, part.upperBound, part.lowerBound) : error(status, "the file's bytes", path))
                return
            }
            let start = Int(part.lowerBound - wanted.lowerBound)
            bytes.replaceSubrange(start..<start + data.count, with: data)
            // A server may give less than was asked for.
            if data.count < part.count { try ask(part.lowerBound + Int64(data.count)..<part.upperBound) }
        }
        for start in stride(from: wanted.lowerBound, to: wanted.upperBound, by: Self.piece) where failed == nil {
            while waiting.count >= Self.window { try takeAnswer() }
            try ask(start..<min(start + Int64(Self.piece), wanted.upperBound))
        }
        while !waiting.isEmpty { try takeAnswer() }
        if let failed { throw failed }
        return bytes
    }

    private func short(_ path: String, _ expected: Int64, _ found: Int64) -> StorageError {
        StorageError(
            .truncated, expected: "at least \(expected.counted("byte"))", found: found.counted("byte"), at: path,
            advice: "the object was cut short; run a check")
    }

    /// What is in a folder; nothing where there is none.
    func list(_ path: String) throws(StorageError) -> [(name: String, attributes: SFTPAttributes)] {
        let opened = try ask(.openFolder) { $0.add(path) }
        if status(opened) == .noSuchFile { return [] }
        let folder = try handle(opened, "a folder that can be read", path)
        var found: [(name: String, attributes: SFTPAttributes)] = []
        while true {
            let answer = try ask(.readFolder) { $0.add(folder) }
            if status(answer) == .end { break }
            var fields = SFTPFields(answer.bytes)
            guard answer.kind == SFTPPacket.Kind.names.rawValue, let count = fields.number() else {
                throw error(status(answer), "a folder that can be read", path)
            }
            for _ in 0..<count {
                guard let name = fields.text(), fields.text() != nil, let attributes = fields.attributes() else {
                    throw error(.badMessage, "a list of names", path)
                }
                let text = String(decoding: name, as: UTF8.self)
                if text != ".", text != ".." { found.append((text, attributes)) }
            }
        }
        _ = try close(folder)
        return found
    }
}
