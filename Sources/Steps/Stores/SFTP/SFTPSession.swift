import Basics
import Foundation
import Glibc
import HostKit
import StorageKit

/// A conversation with a server's SFTP subsystem through the machine's own `ssh`. Used by one thread at a time; calls block.
final class SFTPSession: @unchecked Sendable {  // who has it takes it off the list of idle ones
    private let process: SpawnedProcess
    private let location: String
    private var nextID: UInt32 = 1
    private var extensions: Set<String> = []
    /// Nothing more can be said.
    private(set) var isBroken = false

    /// A server has answers of at most so many bytes: data of 256 KiB and a bit.
    private static let maximumPacket = 1 << 20
    private static let protocolVersion: UInt32 = 3

    /// Connects. `timeout`: a server that says nothing for so long is given up.
    init(_ command: [String], environment: [String: String], timeout: TimeSpan, location: String) throws(StorageError) {
        self.location = location
        process = try SpawnedProcess(command, environment: environment)
        let seconds = Int(max(timeout.milliseconds / 1000, 1))
        process.limitReads(to: seconds)
        process.limitWrites(to: seconds)
        var hello = SFTPPacket(.begin)
        hello.add(Self.protocolVersion)
        try send(hello)
        let answer = try receive()
        var fields = SFTPFields(answer.bytes)
        guard answer.kind == SFTPPacket.Kind.version.rawValue, fields.number() == Self.protocolVersion else {
            throw garbage("a server of SFTP version \(Self.protocolVersion)")
        }
        while let name = fields.text(), fields.text() != nil { extensions.insert(String(decoding: name, as: UTF8.self)) }
    }

    deinit {
        process.closeInput()
        let process = process
        Thread.detachNewThread {
            DispatchQueue.global().asyncAfter(deadline: .now() + 2) { process.kill() }
            _ = process.reap()
        }
    }

    func knows(_ name: String) -> Bool { extensions.contains(name) }

    // MARK: packets

    private func send(_ packet: SFTPPacket) throws(StorageError) {
        guard DescriptorIO.write(packet.framed, to: process.input) else { throw lost() }
    }

    private func receive() throws(StorageError) -> SFTPPacket {
        guard let head = DescriptorIO.read(5, from: process.output) else { throw lost() }
        let count = head.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        // Whatever greets instead of a subsystem is no packet.
        guard count >= 1, count <= Self.maximumPacket else { throw garbage("packets of SFTP") }
        guard let bytes = DescriptorIO.read(count - 1, from: process.output) else { throw lost() }
        return SFTPPacket(kind: head[4], bytes: bytes)
    }

    private func garbage(_ expected: String) -> StorageError {
        isBroken = true
        process.kill()
        return StorageError(
            .invalid, expected: expected, found: "something else", at: location,
            advice: "check that the account may use the sftp subsystem and that its shell prints nothing")
    }

    /// Why the conversation ended: what ssh said of it.
    private func lost() -> StorageError {
        isBroken = true
        // It may be about to say why.
        var said: [UInt8] = []
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(process.errors, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        while said.count < 4096, let byte = DescriptorIO.read(1, from: process.errors) { said += byte }
        process.kill()
        let words = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(2).joined(separator: " / ")
        func error(_ kind: ErrorKind, _ advice: String, _ retry: Retryability) -> StorageError {
            StorageError(
                kind, expected: "a conversation with the server", found: words.isEmpty ? "silence" : words, at: location, advice: advice,
                retry: retry)
        }
        if words.contains("Permission denied") {
            return error(
                .accessDenied, "check `user` and `identityFile`: the key's public half belongs into the account's authorized_keys",
                .permanent)
        }
        if words.contains("Host key verification failed") || words.contains("HOST IDENTIFICATION HAS CHANGED") {
            return error(
                .accessDenied, "compare the server's key, and put it into the known hosts: `ssh-keyscan` shows what the server gives",
                .permanent)
        }
        if words.contains("subsystem request failed") {
            return error(.unsupported, "the server's sshd has no `Subsystem sftp`, or the account may not use it", .permanent)
        }
        return error(.unavailable, "check that the server runs and is reached; `ssh` with the same key shows more", .transient)
    }

    // MARK: requests

    /// A request and its answer.
    func ask(_ kind: SFTPPacket.Kind, _ fill: (inout SFTPPacket) -> Void) throws(StorageError) -> SFTPPacket {
        let id = try request(kind, fill)
        let (found, answer) = try answer()
        guard found == id else { throw garbage("an answer to request \(id)") }
        return answer
    }

    /// Sends a request; its answer comes later.
    @discardableResult
    func request(_ kind: SFTPPacket.Kind, _ fill: (inout SFTPPacket) -> Void) throws(StorageError) -> UInt32 {
        let id = nextID
        nextID &+= 1
        var packet = SFTPPacket(kind)
        packet.add(id)
        fill(&packet)
        try send(packet)
        return id
    }

    /// The next answer, without its id.
    func answer() throws(StorageError) -> (id: UInt32, SFTPPacket) {
        let packet = try receive()
        var fields = SFTPFields(packet.bytes)
        guard let id = fields.number() else { throw garbage("packets of SFTP") }
        return (id, SFTPPacket(kind: packet.kind, bytes: Array(packet.bytes.dropFirst(4))))
    }

    /// The status that an answer is; nil when it is something else.
    func status(_ answer: SFTPPacket) -> SFTPPacket.Status? {
        guard answer.kind == SFTPPacket.Kind.status.rawValue else { return nil }
        var fields = SFTPFields(answer.bytes)
        return fields.number().flatMap { SFTPPacket.Status(rawValue: $0) } ?? .failure
    }

    /// What a status means where it is no success.
    func error(_ status: SFTPPacket.Status?, _ expected: String, _ path: String) -> StorageError {
        let (kind, found, advice, retry): (ErrorKind, String, String, Retryability) =
            switch status {
            case .noSuchFile: (.notFound, "no such file", "check `path`; create the repository first", .permanent)
            case .permissionDenied: (.accessDenied, "permission denied", "give the account the right to the folder", .permanent)
            case .unsupported: (.unsupported, "the server can't do it", "", .permanent)
            case .noConnection, .connectionLost: (.unavailable, "the connection is lost", "", .transient)
            default: (.failed, "the server says: failure", "look at the folder on the server, its space and its quota", .transient)
            }
        return StorageError(kind, expected: expected, found: found, at: "\(location) \(path)", advice: advice, retry: retry)
    }
}
