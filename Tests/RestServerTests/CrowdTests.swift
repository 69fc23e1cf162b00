import Foundation
import HTTPClient
import NIOCore
import Rigs
import Testing

@testable import RestServer

/// Many who say nothing do not keep out those who do.
@Suite struct CrowdTests {
    private static let half = "POST /r/config HTTP/1.1\r\nHo"

    private func figure(_ stage: RestServerStage, _ name: String) async throws -> Int {
        let text = String(decoding: try await stage.ask("GET", "metrics").body, as: UTF8.self)
        return text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Int($0.dropFirst(name.count + 1)) } ?? -1
    }

    @Test func oneAddressHasItsShare() async throws {
        let stage = try await RestServerStage(["--metrics", "--connections-per-address", "20", "--head-time", "1h"])
        try await stage.made("r")
        let crowd = try (0..<276).map { _ in try RawConnection(port: stage.rig.port, from: (1, 1)) }
        for connection in crowd { connection.send(Self.half) }
        #expect(try await stage.status("GET", "r/keys/") == 200)
        try await RestServerStage.until("the rest was sent away") {
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
        let stage = try await RestServerStage(["--metrics", "--head-time", "1h"])
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
