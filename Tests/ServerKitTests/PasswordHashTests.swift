import Crypto
import Basics
import Foundation
import Rigs
import Testing

@testable import ServerKit

@Suite struct PasswordHashTests {
    /// What other programs make is accepted: openssl's SHA-512 and Apache's {SHA}; bcrypt is Openwall's test vector (crypt_blowfish, wrapper.c).
    @Test func whatOtherProgramsMadeIsAccepted() async throws {
        let sha512 = try await HostProgram.run(["openssl", "passwd", "-6", "geheim"]).trimmingCharacters(in: .whitespacesAndNewlines)
        let hash = try #require(PasswordHash(password: sha512))
        #expect(hash.accepts("geheim") && !hash.accepts("geheiM") && !hash.accepts(""))
        let sha1 = try #require(PasswordHash(password: "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="))
        #expect(sha1.accepts("test") && !sha1.accepts("Test"))
        let bcrypt = try #require(PasswordHash(password: "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"))
        #expect(bcrypt.accepts("\u{ff}\u{ff}\u{a3}") == false)
        let plain = try #require(PasswordHash(password: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"))
        #expect(plain.accepts("U*U") && !plain.accepts("U*V") && !plain.accepts("U*U\0"))
        let token = try #require(PasswordHash(token: SHA256.hex(Array("a token".utf8))))
        #expect(token.accepts("a token") && !token.accepts("a Token"))
    }

    @Test(arguments: ["", "geheim", "abcdefghijklm", "$apr1$x$y", "{SHA}abc", "$9$zz", "*", "!"]) func whatIsNoHashIsNone(_ text: String) {
        #expect(PasswordHash(password: text) == nil)
    }

    @Test func filesAreRead() throws {
        let users = try CredentialFile.parse(
            "# us\n\nsite-7:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\r\nmüller@b.example:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n", .passwords, at: "f")
        #expect(users.keys.sorted() == ["müller@b.example", "site-7"])
        // Shut out, as `usermod -L` and `passwd -l` mark it, whatever another line says.
        let out = try CredentialFile.parse(
            "a:!{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\nb:*\na:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", .passwords, at: "f")
        #expect(out == ["a": [], "b": []])
        let hex = SHA256.hex([1])
        #expect(try CredentialFile.parse("a:\(hex)\na:\(SHA256.hex([2]))", .tokens, at: "f")["a"]?.count == 2)
        for (line, kind) in [
            ("nobody", .passwords), (":x", .passwords), ("..:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", .passwords), ("a/b:\(hex)", .tokens),
            ("a:plain", .passwords), ("a:token", .tokens),
        ] as [(String, CredentialFile.Kind)] {
            let error = try #require(throws: Explanation.self) { try CredentialFile.parse("\n" + line, kind, at: "f") }
            #expect(error.location == "f:2" && !error.advice.isEmpty)
            #expect(!"\(error)".contains("plain") && !"\(error)".contains("token)"), "\(error)")
        }
    }
}
