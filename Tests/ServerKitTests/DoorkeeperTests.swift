import Crypto
import Foundation
import LogKit
import NIOCore
import Rigs
import Synchronization
import Testing

@testable import ServerKit

/// What an answer costs tells nobody which users there are.
@Suite struct DoorkeeperTests {
    /// The hashes that were computed, in order.
    private final class Computed: Sendable {
        let hashes = Mutex<[PasswordHash]>([])
        func since() -> [PasswordHash] {
            hashes.withLock { hashes in
                defer { hashes = [] }
                return hashes
            }
        }
    }

    /// Checks stand before it until it is opened.
    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)
        func open() { semaphore.signal() }
        func pass() -> Bool {
            semaphore.wait()
            semaphore.signal()
            return true
        }
    }

    private func crypt(_ option: String) async throws -> String {
        try await HostProgram.run(["openssl", "passwd", option, "-salt", "abcdefgh", "geheim"]).trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    private func basic(_ user: String, _ password: String) -> String {
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }

    private static let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    /// Of libxcrypt's own tests (ka-yescrypt.inc).
    private static let yescrypt = "$y$j9T$dfFvZQ06.Vp0HdDzYDMq61$IGCOAKmVtGEWmD1bkvl4TJcMFmnSjNkYPrPLzPnGQy2"

    private func door(_ lines: String, _ computed: Computed) throws -> (door: Doorkeeper, folder: ScratchFolder) {
        let folder = try ScratchFolder("doorkeeper")
        try lines.write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        let door = try Doorkeeper(passwordFile: folder.file("users"), tokenFile: nil, log: .silent) { hash, password in
            computed.hashes.withLock { $0.append(hash) }
            return hash.accepts(password)
        }
        return (try #require(door), folder)
    }

    @Test(arguments: ["-6", "-5", "bcrypt", "yescrypt"]) func nobodyCostsWhatSomebodyCosts(_ scheme: String) async throws {
        let hash = scheme == "bcrypt" ? Self.bcrypt : scheme == "yescrypt" ? Self.yescrypt : try await crypt(scheme)
        let computed = Computed()
        let (door, folder) = try door("anna:\(hash)\nlocked:!\(hash)\nout:*\n", computed)
        defer { withExtendedLifetime(folder) {} }
        for user in ["anna", "nobody", "locked", "out", ""] {
            await #expect(throws: LoginRefusal.self, "\(user)") { try await door.user(basic(user, "wrong"), from: nil) }
            #expect(computed.since() == [.crypt(hash)], "\(user)")
        }
        guard scheme != "yescrypt" else { return }
        let password = scheme == "bcrypt" ? "U*U" : "geheim"
        #expect(try await door.user(basic("anna", password), from: nil) == "anna")
        for user in ["nobody", "locked", "out"] {
            await #expect(throws: LoginRefusal.self, "somebody else's password lets nobody in") {
                try await door.user(basic(user, password), from: nil)
            }
        }
    }

    /// In a file of several kinds names that are not there cost as variously as those that are, each always the same.
    @Test func strangersAreAsVariousAsUsers() async throws {
        let (sha512, computed) = (try await crypt("-6"), Computed())
        let (door, folder) = try door("anna:\(sha512)\nben:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n", computed)
        defer { withExtendedLifetime(folder) {} }
        var kinds: Set<[PasswordHash]> = []
        for number in 0..<40 {
            var seen: Set<[PasswordHash]> = []
            for _ in 0..<2 {
                await #expect(throws: LoginRefusal.self) { try await door.user(basic("nobody-\(number)", "wrong"), from: nil) }
                seen.insert(computed.since())
            }
            #expect(seen.count == 1)
            kinds.formUnion(seen)
        }
        #expect(kinds.count == 2)
    }

    /// Guesses of one address wait in a short line, and one password that comes over several connections is checked once.
    @Test func checksAreBounded() async throws {
        let checks = PasswordChecks()
        let gate = Gate()
        @Sendable func key(_ text: String) -> PasswordChecks.Key { .init(digest: SHA256.digest(Array(text.utf8)), generation: 0) }
        let (one, other) = (
            ClientAddress(try .init(ipAddress: "192.0.2.1", port: 1)), ClientAddress(try .init(ipAddress: "192.0.2.2", port: 1))
        )
        let (opened, refused) = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<20 { group.addTask { (try? await checks.isRight(key("\(number)"), from: one) { gate.pass() }) != nil } }
            var refused = 0
            while refused < 12, let isRight = try await group.next() { refused += isRight ? 0 : 1 }
            for _ in 0..<20 { group.addTask { try await checks.isRight(key("the same"), from: other) { gate.pass() } } }
            gate.open()
            return (try await group.reduce(0) { $0 + ($1 ? 1 : 0) }, refused)
        }
        #expect(refused == 12 && opened == 28, "one password that comes over many connections at once takes one place")
        #expect(try await checks.isRight(key("again"), from: one) { true })
    }
}
