import Foundation
import HTTPClient
import Rigs
import Testing

/// Whatever arrives, an answer is written once, and the server goes on.
@Suite struct MalformedRequestTests {
    /// "test", as `htpasswd -s` writes it.
    private static let users = "anna:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n"

    private func served(_ arguments: [String] = []) async throws -> (stage: ResticServerStage, folder: ScratchFolder) {
        let folder = try ScratchFolder("malformed")
        try Self.users.write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        let stage = try await ResticServerStage(["--htpasswd", folder.file("users")] + arguments).with("anna", "test")
        try await stage.made("r")
        return (stage, folder)
    }

    /// The answers in what a connection got, interim ones left out: a status each, and whether it was to be the last.
    static func answers(_ text: String) -> [(status: Int, isLast: Bool)] {
        let found = text.matches(of: /HTTP\/1\.[01] ([2-5]\d\d) [^\r]*\r\n(?<head>(?:[^\r]+\r\n)*)\r\n/)
        return found.map { (Int($0.output.1) ?? 0, $0.output.head.lowercased().contains("connection: close")) }
    }

    @Test(arguments: [
        // Nobody is let in, so that we answer while what follows turns out to be unreadable.
        ("POST /r/config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", [401]),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", [400]), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]), ("no request at all\r\n\r\n", [400]),
        ("GET / HTTP/0.9\r\n\r\n", [400]), ("GET /r/config HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n", [401, 400]),
        ("GET /r/config HTTP/1.1\r\nHost: x\r\n\r\nGET /r/config HTTP/1.1\r\nHost: x\r\n\r\n", [401, 401]),
        ("POST /r/config HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", [400]),
        ("POST /r/config HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel", [401]),
        ("GET /r/config HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", [401]),
        ("CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", [401]), ("GET /r/config HT", [400]),
    ]) func oneAnswerIsWritten(_ text: String, _ expected: [Int]) async throws {
        let (stage, folder) = try await Self.shared.value
        defer { withExtendedLifetime(folder) {} }
        let connection = try RawConnection(port: stage.rig.port)
        connection.send(text)
        connection.endSending()
        let found = try #require(connection.readToEnd())
        #expect(Self.answers(found).map(\.status) == expected, "\(found)")
        #expect(try await stage.status("GET", "r/keys/") == 200)
    }

    private static let shared = Task { try await MalformedRequestTests().served() }

    /// Of a fixed seed, so that a failure comes again: what follows is the number of the request in `Malformed`.
    @Test func nothingThatArrivesEndsIt() async throws {
        let (stage, folder) = try await served(["--metrics", "--metrics-user", "anna"])
        defer { withExtendedLifetime(folder) {} }
        var random = Malformed(seed: 18)
        for number in 0..<500 {
            let request = random.next()
            let connection = try RawConnection(port: stage.rig.port)
            for part in request.parts { connection.send(part) }
            if request.isAbandoned { continue }
            connection.endSending()
            let found = try #require(connection.readToEnd(), "request \(number) is never answered")
            let answers = Self.answers(found)
            let isOrdered = answers.dropLast().allSatisfy { !$0.isLast } && answers.count <= request.most
            #expect(isOrdered, "request \(number): \(request) got \(found)")
            #expect(!answers.isEmpty, "request \(number): \(request) got \(found)")
            // Read whole, an answer begins where the one before it ended.
            #expect(found.hasPrefix("HTTP/1."), "request \(number): \(request) got \(found)")
        }
        #expect(try await stage.status("GET", "r/keys/") == 200)
        try await eventually("every connection has ended but ours") {
            String(decoding: try await stage.ask("GET", "metrics").body, as: UTF8.self).contains("snappy_flow_rest_connections 1\n")
        }
        #expect(!stage.rig.files.contains { $0.hasSuffix("-upload") })
    }

    /// Who has asked and says that nothing more comes still gets all of its answer, as does one that reads it slowly before the end.
    @Test func answersAreWhole() async throws {
        let (stage, folder) = try await served()
        defer { withExtendedLifetime(folder) {} }
        let large = noise(6 << 20)
        let path = "r/data/\(ResticServerStage.id(large))"
        #expect(try await stage.status("POST", path, body: large) == 200)
        let login = "Authorization: Basic \(Data("anna:test".utf8).base64EncodedString())\r\n"
        func fetch(_ version: String, _ header: String, endsSending: Bool) throws -> Int? {
            let connection = try RawConnection(port: stage.rig.port, receiveBuffer: 8192)
            connection.send("GET /\(path) HTTP/\(version)\r\nHost: x\r\n\(login)\(header)\r\n")
            if endsSending { connection.endSending() }
            var count = 0
            while let part = connection.receive() {
                if part.isEmpty { return count }
                count += part.count
            }
            return nil
        }
        for (version, header, ends) in [("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.0", "", true)] {
            let count = try #require(try fetch(version, header, endsSending: ends))
            #expect(count > large.count && count < large.count + 300, "\(version) \(header): \(count)")
        }
    }

    /// What follows a request for another protocol is not read, so that it can't fill the memory.
    @Test func anotherProtocolIsNotSpoken() async throws {
        let (stage, folder) = try await served()
        defer { withExtendedLifetime(folder) {} }
        let connection = try RawConnection(port: stage.rig.port)
        connection.send("GET /r/config HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        // Ends without our doing, where it would have been kept.
        let found = try #require(connection.readToEnd())
        #expect(Self.answers(found).map(\.isLast) == [true], "\(found)")
    }
}
