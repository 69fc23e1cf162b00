import Basics
import Foundation
import HTTPClient
import Rigs
import Testing

@Suite struct ClientTests {
    private func kind(of request: HTTPRequest) async throws -> ErrorKind? {
        let error = await #expect(throws: Explanation.self) { try await Client().send(request) }
        return error?.kind
    }

    private func closedPort() throws -> UInt16 {
        let rig = try HTTPRig { _ in nil }
        rig.stop()
        return rig.port
    }

    @Test func sendsMethodHeadersAndBody() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("201 Created", headers: ["X-Seen: yes "], "made") }
        defer { rig.stop() }
        let response = try await Client().send(
            HTTPRequest(method: "PUT", url: rig.url + "/a?b=c", headers: [("X-One", "1"), ("X-Empty", "")], body: Array("payload".utf8)))
        #expect(response.status == 201)
        #expect(response.body == Array("made".utf8))
        #expect(response.header("x-seen") == "yes")
        let request = try #require(rig.requests.first)
        #expect(request.line == "PUT /a?b=c HTTP/1.1")
        #expect(request.headers["x-one"] == "1")
        #expect(request.headers["x-empty"] == "")
        #expect(request.headers["expect"] == nil)
        #expect(request.body == "payload")
    }

    @Test func anEmptyBodyIsSentAsEmpty() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("204 No Content") }
        defer { rig.stop() }
        let response = try await Client().send(HTTPRequest(method: "POST", url: rig.url, body: []))
        #expect(response.status == 204)
        #expect(rig.requests.first?.headers["content-length"] == "0")
    }

    @Test func doesNotFollowRedirects() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("302 Found", headers: ["Location: http://127.0.0.1:1/"]) }
        defer { rig.stop() }
        #expect(try await Client().send(HTTPRequest(url: rig.url)).status == 302)
        #expect(rig.requests.count == 1)
    }

    @Test func boundsTheAnswer() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("200 OK", String(repeating: "x", count: 5000)) }
        defer { rig.stop() }
        #expect(try await kind(of: HTTPRequest(url: rig.url, maximumResponse: .kibibytes(4))) == .tooLarge)
        #expect(try await Client().send(HTTPRequest(url: rig.url, maximumResponse: ByteCount(bytes: 5000))).body.count == 5000)
    }

    @Test func timesOutOnASilentServer() async throws {
        let rig = try HTTPRig { _ in nil }
        defer { rig.stop() }
        let error = await #expect(throws: Explanation.self) {
            try await Client().send(HTTPRequest(url: rig.url, timeout: .milliseconds(200)))
        }
        #expect(error?.kind == .timedOut)
        #expect(error?.retry == .transient)
    }

    @Test func endsWhenItsTaskIsCancelled() async throws {
        let (arrived, arrival) = AsyncStream<Void>.makeStream()
        let rig = try HTTPRig { _ in
            arrival.yield()
            return nil
        }
        defer { rig.stop() }
        let url = rig.url
        let task = Task { try await Client().send(HTTPRequest(url: url, timeout: .seconds(60))) }
        for await _ in arrived { break }
        task.cancel()
        let error = await #expect(throws: Explanation.self) { try await task.value }
        // Without the cancel it would end with `.timedOut`.
        #expect(error?.kind == .cancelled)
    }

    @Test func connectionsAreUsedAgain() async throws {
        let rig = try HTTPRig(answers: 3) { request in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }
        defer { rig.stop() }
        let client = Client(width: 2)
        // The server closes the connection after three, without a word: the fourth is no error.
        for number in 0..<6 {
            let response = try await client.send(HTTPRequest(method: "PUT", url: rig.url + "/\(number)", body: [1, 2]))
            #expect(response.status == 200 && response.body == Array("ok".utf8))
        }
        #expect(rig.requests.map(\.line) == (0..<6).map { "PUT /\($0) HTTP/1.1" })
        #expect(rig.connections == 2)
    }

    /// What was set for one request is not there in the next on the same handle.
    @Test func nothingIsLeftOfTheRequestBefore() async throws {
        let rig = try HTTPRig(answers: 10) { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }
        defer { rig.stop() }
        let client = Client()
        _ = try await client.send(HTTPRequest(method: "PUT", url: rig.url, headers: [("X-Secret", "1")], body: Array("payload".utf8)))
        #expect(try await client.send(HTTPRequest(method: "HEAD", url: rig.url)).body.isEmpty)
        #expect(try await client.send(HTTPRequest(url: rig.url)).body == Array("ok".utf8))
        let last = try #require(rig.requests.last)
        #expect(last.line == "GET / HTTP/1.1" && last.headers["x-secret"] == nil && last.body.isEmpty)
    }

    @Test func whatStallsIsGivenUp() async throws {
        let rig = try HTTPRig { _ in nil }
        defer { rig.stop() }
        #expect(try await kind(of: HTTPRequest(url: rig.url, timeout: .seconds(60), stall: .seconds(1))) == .timedOut)
    }

    @Test func goesThroughAProxy() async throws {
        let rig = try HTTPRig { _ in HTTPRig.answer("200 OK", "by proxy") }
        defer { rig.stop() }
        let response = try await Client().send(HTTPRequest(url: "http://store.invalid:81/x", proxy: rig.url))
        #expect(response.body == Array("by proxy".utf8))
        #expect(rig.requests.first?.line == "GET http://store.invalid:81/x HTTP/1.1")
    }

    @Test func saysThatNobodyListens() async throws {
        let port = try closedPort()
        #expect(try await kind(of: HTTPRequest(url: "http://127.0.0.1:\(port)/")) == .unreachable)
    }

    @Test func saysThatTheAnswerBrokeOff() async throws {
        let rig = try HTTPRig { _ in "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf" }
        defer { rig.stop() }
        #expect(try await kind(of: HTTPRequest(url: rig.url)) == .interrupted)
    }

    /// However little came of it: half a header is no whole answer without a body.
    @Test(arguments: ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 204 No Content\r\nX: 1\r\n", "HTTP/1.1 20"])
    func anAnswerThatEndsWithinItsHeadersIsNone(_ text: String) async throws {
        let rig = try HTTPRig { _ in text }
        defer { rig.stop() }
        #expect(try await kind(of: HTTPRequest(method: "PUT", url: rig.url, body: [1])) == .interrupted)
    }

    @Test(arguments: [
        HTTPRequest(url: "file:///etc/passwd"), HTTPRequest(url: "http://h/a b"),
        HTTPRequest(url: "http://h/", headers: [("A", "1\r\nB: 2")]),
        HTTPRequest(url: "http://h/", headers: [("A: x\r\nB", "1")]), HTTPRequest(method: "GET / HTTP/1.1\r\nX:", url: "http://h/"),
    ])
    func refusesWhatWouldSmuggle(_ request: HTTPRequest) async throws {
        #expect(try await kind(of: request) == .invalidRequest)
    }

    @Test func errorsShowNeitherUserNorPasswordNorQuery() async throws {
        let port = try closedPort()
        let error = await #expect(throws: Explanation.self) {
            try await Client().send(HTTPRequest(url: "http://user:hunter2@127.0.0.1:\(port)/hook/x?token=hunter3#hunter4"))
        }
        #expect(error?.location == "GET http://127.0.0.1:\(port)/hook/x")
        #expect(error.map { !$0.description.contains("hunter") } == true)
    }

    @Test func verifiesTheServersCertificate() async throws {
        try await TLSRig.with { rig in
            let distrusted = try await kind(of: HTTPRequest(url: rig.url))
            #expect(distrusted == .untrusted)
            let response = try await Client().send(HTTPRequest(url: rig.url, trustFile: rig.certificate))
            #expect(response.status == 200)
            // The certificate is for another name.
            let misnamed = try await kind(
                of: HTTPRequest(url: rig.url.replacing("localhost", with: "127.0.0.1"), trustFile: rig.certificate))
            #expect(misnamed == .untrusted)
        }
    }
}
