import ServerKit
import Foundation
import HTTPClient
import NIOCore
import Rigs
import Testing

@testable import ResticServer

/// Many who say nothing do not keep out those who do.
@Suite struct CrowdTests {
    private static let half = "POST /r/config HTTP/1.1\r\nHo"

    private func figure(_ stage: ResticServerStage, _ name: String) async throws -> Int {
        let text = String(decoding: try await stage.ask("GET", "metrics").body, as: UTF8.self)
        return text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Int($0.dropFirst(name.count + 1)) } ?? -1
    }

    @Test func oneAddressHasItsShare() async throws {
        let stage = try await ResticServerStage(["--metrics", "--connections-per-address", "20", "--head-time", "1h"])
        try await stage.made("r")
        let crowd = try (0..<276).map { _ in try RawConnection(port: stage.rig.port, from: (1, 1)) }
        for connection in crowd { connection.send(Self.half) }
        #expect(try await stage.status("GET", "r/keys/") == 200)
        try await eventually("the rest was sent away") {
            try await figure(stage, "snappy_flow_rest_errors_total{reason=\"crowded\"}") >= 256
        }
        // The first twenty may go on, and others after them.
        crowd[0].send("st: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1")
        #expect(crowd[0].readToEnd()?.hasPrefix("HTTP/1.1 200") == true)
        #expect(crowd[275].readToEnd() == "")
        #expect(stage.rig.log.components(separatedBy: " crowded: ").count == 2, "told once: \(stage.rig.log)")
    }

    /// Each within its share, all places taken: who says nothing for the longest time gives way.
    @Test func manyAddressesGiveWay() async throws {
        let stage = try await ResticServerStage(["--metrics", "--head-time", "1h"])
        try await stage.made("r")
        var crowd: [RawConnection] = []
        for number in 0..<300 {
            let connection = try RawConnection(port: stage.rig.port, from: (2, UInt8(1 + number / 50)))
            connection.send(Self.half)
            crowd.append(connection)
        }
        #expect(try RawConnection.ask(stage.rig.port, "GET", "/r/keys/").hasPrefix("HTTP/1.1 200"))
        #expect(crowd[0].readToEnd() == "")
        #expect(try await figure(stage, "snappy_flow_rest_errors_total{reason=\"crowded\"}") > 0)
    }

    private static func users(_ names: [String], _ folder: ScratchFolder) throws -> String {
        let lines = names.map { "\($0):{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n" }.joined()
        try lines.write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        return folder.file("users")
    }

    private static func request(_ user: String, _ request: String) -> String {
        "\(request) HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \(Data("\(user):test".utf8).base64EncodedString())\r\n"
    }

    /// Who is known and sends for ever holds some of the connections, not all.
    @Test func oneUserHasItsShare() async throws {
        let folder = try ScratchFolder("crowd")
        let stage = try await ResticServerStage(["--htpasswd", Self.users(["anna", "ben"], folder), "--connections-per-user", "20"])
        try await stage.with("anna", "test").made("r")
        let id = ResticServerStage.id([1])
        let crowd = try (0..<30).map { _ in try RawConnection(port: stage.rig.port) }
        for connection in crowd {
            connection.send(Self.request("anna", "POST /r/data/\(id)") + "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
        }
        let answers = crowd.map { String(decoding: $0.receive() ?? [], as: UTF8.self).prefix(12) }
        // One more than sends: the client that made the repository has a connection still, or has not.
        let sends = answers.filter { $0 == "HTTP/1.1 100" }.count
        #expect((19...20).contains(sends) && answers.filter { $0 == "HTTP/1.1 503" }.count == 30 - sends, "\(answers)")
        let last = try #require(zip(crowd, answers).first { $0.1 == "HTTP/1.1 503" }?.0)
        #expect(last.readToEnd() != nil)
        #expect(try await stage.with("ben", "test").status("GET", "r/keys/") == 200)
    }

    /// Every place taken by users that ask nothing: whoever comes next gets one of who has most.
    @Test func idleUsersGiveWay() async throws {
        let folder = try ScratchFolder("crowd")
        let names = (0..<20).map { "user\($0)" }
        let stage = try await ResticServerStage(["--htpasswd", Self.users(names + ["last"], folder)])
        try await stage.with("user0", "test").made("r")
        var crowd: [RawConnection] = []
        for name in names {
            for _ in 0..<15 {
                let connection = try RawConnection(port: stage.rig.port)
                connection.send(Self.request(name, "GET /r/keys/") + "\r\n")
                try #require(String(decoding: connection.receive() ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 200"), "\(name)")
                crowd.append(connection)
            }
        }
        #expect(try await stage.with("last", "test").status("GET", "r/keys/") == 200)
        withExtendedLifetime(crowd) {}
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7", false), ("127.3.2.1", "127.3.2.1", true), ("::1", "0:0:0:0::/64", true),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", false), ("::ffff:192.0.2.7", "192.0.2.7", false),
        ("::ffff:127.0.0.1", "127.0.0.1", true),
    ]) func addressesAreCounted(_ text: String, _ counted: String, isLoopback: Bool) throws {
        let address = try #require(ClientAddress(try SocketAddress(ipAddress: text, port: 1)))
        #expect(address.description == counted && address.isLoopback == isLoopback)
        #expect(ClientAddress(try SocketAddress(ipAddress: text, port: 2)) == address)
    }

    @Test func aWholeNetworkOfOneClientIsOneAddress() throws {
        let addresses = try ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"].map {
            ClientAddress(try SocketAddress(ipAddress: $0, port: 1))
        }
        #expect(addresses[0] == addresses[1] && addresses[0] != addresses[2])
    }
}
