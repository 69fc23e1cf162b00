import Crypto
import Basics
import Foundation
import HTTPClient
import Rigs
import Testing

/// restic's REST protocol (restic doc/REST_backend.rst), spoken to the built program.
@Suite struct ProtocolTests {
    private func names(_ body: [UInt8]) throws -> [String] { try JSONDecoder().decode([String].self, from: Data(body)) }

    @Test func objectsComeAndGo() async throws {
        let stage = try await ResticServerStage(["--metrics"])
        #expect(try await stage.status("HEAD", "a/b/config") == 404)
        #expect(try await stage.status("GET", "a/b/keys/") == 404)
        #expect(try await stage.status("POST", "a/b/?create=true", body: []) == 200)
        #expect(try await stage.status("POST", "a/b/?create=true", body: []) == 200, "again")
        #expect(stage.rig.files.isEmpty)

        #expect(try await stage.status("POST", "a/b/config", body: [1, 2, 3]) == 200)
        #expect(try await stage.ask("GET", "a/b/config").body == [1, 2, 3])
        #expect(try await stage.ask("HEAD", "a/b/config").header("Content-Length") == "3")
        for (kind, count) in [("data", 3_000_001), ("keys", 100), ("locks", 1), ("snapshots", 0), ("index", 70_000)] {
            let bytes = noise(count)
            let id = ResticServerStage.id(bytes)
            let path = "a/b/\(kind)/\(id)"
            #expect(try await stage.ask("GET", "a/b/\(kind)/").body == Array("[]".utf8))
            #expect(try await stage.status("HEAD", path) == 404)
            #expect(try await stage.status("POST", path, body: bytes) == 200, "\(kind)")
            #expect(stage.rig.files.contains(kind == "data" ? "a/b/data/\(id.prefix(2))/\(id)" : path), "where restic looks for it")
            #expect(try await stage.ask("GET", path).body == bytes)
            #expect(try await stage.ask("HEAD", path).header("Content-Length") == "\(count)")
            let first = try await stage.ask("GET", "a/b/\(kind)/")
            #expect(first.header("Content-Type") == "application/vnd.x.restic.rest.v1")
            #expect(try names(first.body) == [id])
            let second = try await stage.ask("GET", "a/b/\(kind)/", [("Accept", "application/vnd.x.restic.rest.v2")])
            #expect(second.header("Content-Type") == "application/vnd.x.restic.rest.v2")
            #expect(try JSONValue(parsing: second.body) == [["name": .string(id), "size": .int(Int64(count))]])
            if count > 10 {
                let part = try await stage.ask("GET", path, [("Range", "bytes=7-20")])
                #expect(part.status == 206 && part.body == Array(bytes[7..<21]))
                #expect(part.header("Content-Range") == "bytes 7-20/\(count)")
                let beyond = try await stage.ask("GET", path, [("Range", "bytes=\(count)-")])
                #expect(beyond.status == 416 && beyond.header("Content-Range") == "bytes */\(count)")
            }
            #expect(try await stage.status("DELETE", path) == 200)
            #expect(try await stage.status("DELETE", path) == 200, "the answer to the first may have been lost")
            #expect(try await stage.status("GET", path) == 404)
        }
        #expect(try await stage.status("DELETE", "a/b/config") == 200)
        #expect(stage.rig.files.isEmpty)
        #expect(try await stage.ask("PUT", "a/b/config", body: [1]).header("Allow") == "HEAD, GET, POST, DELETE")
        #expect(try await stage.status("DELETE", "a/b/") == 501)
        #expect(try await stage.status("POST", "a/b/", body: []) == 400)

        let metrics = String(decoding: try await stage.ask("GET", "metrics").body, as: UTF8.self)
        #expect(metrics.contains("snappy_flow_rest_objects_stored_total{kind=\"data\"} 1\n"), "\(metrics)")
        #expect(metrics.contains("snappy_flow_rest_objects_removed_total{kind=\"data\"} 1\n"))
        #expect(metrics.contains("snappy_flow_rest_requests_total{method=\"DELETE\",status=\"501\"} 1\n"))
        #expect(metrics.contains("snappy_flow_rest_errors_total{reason=\"range\"} 3\n"))
        // `a`, `a/b`, the five kinds and the 256 that data is spread over.
        #expect(metrics.contains("snappy_flow_rest_used_bytes \(263 * 4096)\n"), "\(metrics)")
    }

    @Test func whatIsNotItsNameIsRefused() async throws {
        let stage = try await ResticServerStage()
        try await stage.made("r")
        let bytes = noise(2_000_000)
        let answer = try await stage.ask("POST", "r/data/\(ResticServerStage.id([1]))", body: bytes)
        #expect(answer.status == 400)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("send it again"))
        #expect(stage.rig.files.isEmpty)
        #expect(try await stage.status("POST", "r/data/contended", body: bytes) == 404)
        #expect(try await stage.status("POST", "none/data/\(ResticServerStage.id(bytes))", body: bytes) == 404, "create it first")
        #expect(try await stage.status("POST", "r/keys/\(ResticServerStage.id([2]))", body: noise(17 << 20)) == 413)
        #expect(stage.rig.files.isEmpty)
    }

    @Test func oneOfManyWritersWins() async throws {
        let stage = try await ResticServerStage()
        try await stage.made("r")
        let bytes = noise(300_000)
        func race(_ path: String, _ body: @escaping @Sendable (Int) -> [UInt8]) async throws -> [(number: Int, status: Int)] {
            try await withThrowingTaskGroup(of: (number: Int, status: Int).self) { group in
                for number in 0..<16 { group.addTask { (number, try await stage.status("POST", path, body: body(number))) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        let same = try await race("r/data/\(ResticServerStage.id(bytes))") { _ in bytes }
        #expect(same.filter { $0.status == 200 }.count == 1 && same.filter { $0.status == 403 }.count == 15, "\(same)")
        let others = try await race("r/config") { [UInt8](repeating: UInt8($0), count: 200_000) }
        let winners = others.filter { $0.status == 200 }
        #expect(winners.count == 1, "\(others)")
        #expect(try await stage.ask("GET", "r/config").body == [UInt8](repeating: UInt8(winners.first?.number ?? 99), count: 200_000))
        #expect(try await stage.status("POST", "r/config", body: [1]) == 403, "nor later")
        #expect(stage.rig.files.count == 2)
    }

    @Test(arguments: [
        "/../secret/config", "/%2e%2e/secret/config", "/r/..%2f..%2fsecret/config", "/r/data/../../../secret/config",
        "/r/keys/..%2f..%2fconfig",
        "//secret/config", "/r/%2e%2e/%2e%2e/secret/config", "/..%5csecret/config", "/r/data/%00", "/.%2e/secret/config",
    ]) func nobodyGetsOut(_ target: String) async throws {
        let stage = try await ResticServerStage()
        try await stage.made("r")
        let outside = stage.rig.repositories + "/../secret"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try Data("geheim".utf8).write(to: URL(fileURLWithPath: outside + "/config"))
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let answer = try RawConnection.ask(stage.rig.port, method, target, body: method == "POST" ? [1] : [])
            #expect(answer.hasPrefix("HTTP/1.1 40"), "\(method) \(target): \(answer)")
            #expect(!answer.contains("geheim"))
        }
        _ = try RawConnection.ask(stage.rig.port, "POST", target.replacing("config", with: "") + "?create=true")
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["config"])
        #expect(try String(contentsOfFile: outside + "/config", encoding: .utf8) == "geheim")
        #expect(stage.rig.files.isEmpty)
    }

    /// Version 1.0 of HTTP knows neither kept connections nor chunks.
    @Test func oldAndOddClientsAreServed() async throws {
        let stage = try await ResticServerStage()
        try await stage.made("r")
        let bytes = noise(1000)
        let path = "/r/data/\(ResticServerStage.id(bytes))"
        let chunked = try RawConnection(port: stage.rig.port)
        chunked.send("POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunked.send("1f4\r\n")
        chunked.send(Array(bytes[..<500]))
        chunked.send("\r\n1f4\r\n")
        chunked.send(Array(bytes[500...]))
        chunked.send("\r\n0\r\n\r\n")
        #expect(chunked.readToEnd()?.hasPrefix("HTTP/1.1 200") == true)
        let old = try RawConnection(port: stage.rig.port)
        old.send("GET /r/data/ HTTP/1.0\r\n\r\n")
        #expect(old.readToEnd()?.hasSuffix("\r\n\r\n[\"\(ResticServerStage.id(bytes))\"]") == true)
        // Who waits to be asked is told before a byte of the body.
        let waiting = try RawConnection(port: stage.rig.port)
        waiting.send("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        #expect(waiting.readToEnd()?.hasPrefix("HTTP/1.1 403") == true)
        #expect(try await stage.status("DELETE", String(path.dropFirst())) == 200)
        let asked = try RawConnection(port: stage.rig.port)
        asked.send("POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        #expect(asked.receive().map { String(decoding: $0, as: UTF8.self) }?.hasPrefix("HTTP/1.1 100") == true)
        asked.send(bytes)
        #expect(asked.readToEnd()?.contains("HTTP/1.1 200") == true)
        let odd = try RawConnection(port: stage.rig.port)
        odd.send("no request at all\r\n\r\n")
        #expect(odd.readToEnd()?.hasPrefix("HTTP/1.") == true)
        #expect(try await stage.ask("GET", String(path.dropFirst())).body == bytes)
    }
}
