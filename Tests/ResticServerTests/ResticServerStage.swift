import Crypto
import Basics
import Foundation
import HTTPClient
import Rigs

/// A server of a test's own, and a client of it.
struct ResticServerStage: Sendable {
    let rig: RestServerRig
    let client = Client(width: 16)
    var headers: [(name: String, value: String)] = []
    var trustFile: String?

    init(_ arguments: [String] = [], over other: RestServerRig? = nil) async throws {
        rig = try await RestServerRig.started(arguments, over: other)
    }

    /// The same server, by another client.
    init(_ rig: RestServerRig, headers: [(name: String, value: String)], trustFile: String?) {
        self.rig = rig
        self.headers = headers
        self.trustFile = trustFile
    }

    /// Asks as `user`.
    func with(_ user: String, _ password: String) -> ResticServerStage {
        var stage = self
        stage.headers = [("Authorization", "Basic " + Data("\(user):\(password)".utf8).base64EncodedString())]
        return stage
    }

    /// `path` is relative to the server's address.
    func ask(
        _ method: String, _ path: String, _ more: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        try await client.send(
            HTTPRequest(
                method: method, url: rig.url + path, headers: headers + more, body: body, maximumResponse: .mebibytes(64),
                trustFile: trustFile, proxy: ""))
    }

    func status(_ method: String, _ path: String, body: [UInt8]? = nil) async throws -> Int {
        try await ask(method, path, body: body).status
    }

    /// Makes an empty repository.
    func made(_ name: String) async throws {
        let answer = try await ask("POST", name + "/?create=true", body: [])
        guard answer.status == 200 else { throw Failed(what: "\(name): \(answer.status)") }
    }

    func restic(_ name: String, user: String = "", _ environment: [String: String] = [:]) throws -> ResticRig {
        let address = user.isEmpty ? rig.url : rig.url.replacing("://", with: "://\(user)@")
        return try ResticRig(
            repository: "rest:\(address)\(name)", password: "geheim", cache: rig.repositories + "-cache", environment: environment)
    }

    struct Failed: Error { var what: String }

    static func id(_ bytes: [UInt8]) -> String { SHA256.hex(bytes) }
}
