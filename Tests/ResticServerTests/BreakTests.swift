import ServerKit
import Foundation
import Glibc
import HTTPClient
import Rigs
import Testing

/// Connections that break, clients that do not get on, servers that are killed.
@Suite struct BreakTests {
    private static let bytes = noise(4_000_000)
    private static let path = "r/data/\(ResticServerStage.id(bytes))"

    /// Has sent most of an upload that the server has begun to take.
    private func halfSent(_ stage: ResticServerStage) throws -> RawConnection {
        let connection = try RawConnection(port: stage.rig.port)
        connection.send(
            "POST /\(Self.path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.bytes.count)\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
        )
        // `100 Continue` comes when there is a file for it.
        let answer = String(decoding: connection.receive() ?? [], as: UTF8.self)
        guard answer.hasPrefix("HTTP/1.1 100") else { throw ResticServerStage.Failed(what: answer) }
        connection.send(Array(Self.bytes[..<3_900_000]))
        return connection
    }

    @Test func aCutUploadLeavesNothing() async throws {
        // Room for one of them: what the cut one had taken is given back.
        let stage = try await ResticServerStage(["--max-size", "6MB"])
        try await stage.made("r")
        try halfSent(stage).close()
        try await eventually("the cut is seen") { stage.rig.log.contains(" cut ") }
        #expect(stage.rig.files.isEmpty)
        #expect(try await stage.status("HEAD", Self.path) == 404)
        #expect(try await stage.status("POST", Self.path, body: Self.bytes) == 200)
        #expect(stage.rig.files.count == 1)
    }

    @Test func aKilledServerLeavesNothing() async throws {
        let stage = try await ResticServerStage()
        try await stage.made("r")
        let connection = try halfSent(stage)
        kill(stage.rig.pid, SIGKILL)
        #expect(connection.readToEnd() == "")
        #expect(stage.rig.files.isEmpty)
        let next = try await ResticServerStage(over: stage.rig)
        #expect(try await next.ask("GET", "r/data/").body == Array("[]".utf8))
        #expect(try await next.status("POST", Self.path, body: Self.bytes) == 200)
        #expect(try await next.ask("GET", Self.path).body == Self.bytes)
    }

    @Test func whatIsUnderWayMayEnd() async throws {
        let stage = try await ResticServerStage()
        try await stage.made("r")
        let idle = try RawConnection(port: stage.rig.port)
        let connection = try halfSent(stage)
        kill(stage.rig.pid, SIGTERM)
        #expect(idle.readToEnd() == "", "nobody is kept who asks nothing")
        try await eventually("no more connections are taken") { (try? RawConnection(port: stage.rig.port)) == nil }
        connection.send(Array(Self.bytes[3_900_000...]))
        #expect(connection.readToEnd()?.hasPrefix("HTTP/1.1 200") == true)
        #expect(stage.rig.files.count == 1)
    }

    @Test func aSecondSignalEndsAll() async throws {
        let stage = try await ResticServerStage(["--grace", "1h"])
        try await stage.made("r")
        let connection = try halfSent(stage)
        kill(stage.rig.pid, SIGTERM)
        try await eventually("no more connections are taken") { (try? RawConnection(port: stage.rig.port)) == nil }
        kill(stage.rig.pid, SIGTERM)
        #expect(connection.readToEnd() == "")
        #expect(stage.rig.files.isEmpty)
    }

    @Test func whoDoesNotGetOnIsGivenUp() async throws {
        let stage = try await ResticServerStage(["--patience", "8s"])
        try await stage.made("r")
        let silent = try RawConnection(port: stage.rig.port)
        let slow = try RawConnection(port: stage.rig.port)
        slow.send("POST /r/config HTTP/1.1\r\nHost: x\r\nContent-Le")
        let stuck = try halfSent(stage)
        #expect(silent.readToEnd() == "")
        #expect(slow.readToEnd() == "")
        #expect(stuck.readToEnd() == "")
        #expect(stage.rig.files.isEmpty)
        #expect(try await stage.status("POST", Self.path, body: Self.bytes) == 200, "others are served")
        // Who takes an answer but does not read it: the rest of it never comes.
        let large = [UInt8](repeating: 7, count: 40 << 20)
        #expect(try await stage.status("POST", "r/data/\(ResticServerStage.id(large))", body: large) == 200)
        let deaf = try RawConnection(port: stage.rig.port)
        deaf.send("GET /r/data/\(ResticServerStage.id(large)) HTTP/1.1\r\nHost: x\r\n\r\n")
        try await eventually("it is given up") { stage.rig.log.contains(" 200 cut ") }
        #expect(try #require(deaf.readToEnd()).utf8.count < large.count)
    }

    @Test func thereIsRoomForWhatIsAllowed() async throws {
        // A repository's own folders count 4 KiB each.
        let stage = try await ResticServerStage(["--max-size", "2100kB"])
        try await stage.made("r")
        let (small, large) = (noise(600_000), noise(600_000, seed: 2))
        #expect(try await stage.status("POST", "r/data/\(ResticServerStage.id(small))", body: small) == 200)
        let full = try await stage.ask("POST", "r/data/\(ResticServerStage.id(large))", body: large)
        #expect(full.status == 507)
        #expect(String(decoding: full.body, as: UTF8.self).contains("prune"))
        // Without a length, what comes is counted.
        let chunked = try RawConnection(port: stage.rig.port)
        chunked.send(
            "POST /r/data/\(ResticServerStage.id(large)) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunked.send("927c0\r\n")
        chunked.send(large)
        chunked.send("\r\n0\r\n\r\n")
        #expect(chunked.readToEnd()?.hasPrefix("HTTP/1.1 507") == true)
        #expect(stage.rig.files.count == 1)
        // Counted again at the next start; what goes makes room.
        let next = try await ResticServerStage(["--max-size", "2100kB"], over: stage.rig)
        #expect(try await next.status("POST", "r/data/\(ResticServerStage.id(large))", body: large) == 507)
        #expect(try await next.status("DELETE", "r/data/\(ResticServerStage.id(small))") == 200)
        #expect(try await next.status("POST", "r/data/\(ResticServerStage.id(large))", body: large) == 200)
    }
}
