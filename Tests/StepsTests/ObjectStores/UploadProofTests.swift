import Basics
import Foundation
import Repository
import Rigs
import StepKit
import StorageKit
import Synchronization
import Testing

@testable import Steps

/// A server that takes an object and keeps half of it is found out while the source is still there.
@Suite struct UploadProofTests {
    @Test func whatAServerTookAndDoesNotHaveIsSaid() async throws {
        let kept = Kept()
        let server = try HTTPRig { request in
            switch request.line.split(separator: " ").first {
            case "POST":
                kept.put(request.body.utf8.count)
                return HTTPRig.answer("200 OK")
            case "HEAD":
                return kept.size.map { "HTTP/1.1 200 OK\r\nContent-Length: \($0)\r\nConnection: close\r\n\r\n" }
                    ?? HTTPRig.answer("404 Not Found")
            default:
                kept.remove()
                return HTTPRig.answer("200 OK")
            }
        }
        defer { server.stop() }
        let store = RetryingStore(
            try await RESTRepositoryType().open(
                Settings(["url": .string(server.url + "/")], origin: "test"), StoreContext(secrets: FileSecrets())),
            StoreRetries(attempts: 3, pause: .microseconds(10)))
        let name = ObjectName("index/" + String(repeating: "ab", count: 32))
        let error = await #expect(throws: StorageError.self) { try await store.put(name, Array("halves".utf8)) }
        #expect(error?.kind == .truncated && error?.found == "3", "\(String(describing: error))")
        #expect(kept.puts == 3 && kept.size == nil, "each try begins anew")
        kept.mend()
        try await store.put(name, Array("halves".utf8))
        #expect(kept.size == 6)
    }

    private final class Kept: Sendable {
        private let state = Mutex((size: Int?.none, puts: 0, isWhole: false))
        var size: Int? { state.withLock { $0.size } }
        var puts: Int { state.withLock { $0.puts } }
        func put(_ bytes: Int) { state.withLock { $0 = ($0.isWhole ? bytes : bytes / 2, $0.puts + 1, $0.isWhole) } }
        func remove() { state.withLock { $0.size = nil } }
        func mend() { state.withLock { $0.isWhole = true } }
    }
}
