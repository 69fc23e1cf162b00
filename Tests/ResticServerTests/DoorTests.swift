import Crypto
import Foundation
import HTTPClient
import Rigs
import Testing

/// Who gets in, and how far.
@Suite struct DoorTests {
    private static let secret = "an owl, a lamp, a bell"
    /// bcrypt of "U*U": Openwall's test vector (crypt_blowfish, wrapper.c).
    private static let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    private static let sha1 = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="

    private func files(_ users: String, _ tokens: String = "") throws -> (folder: ScratchFolder, users: String, tokens: String) {
        let folder = try ScratchFolder("door")
        try users.write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        try tokens.write(toFile: folder.file("tokens"), atomically: true, encoding: .utf8)
        return (folder, folder.file("users"), folder.file("tokens"))
    }

    @Test func usersAreAskedForAndKeptApart() async throws {
        let (folder, users, tokens) = try files(
            "anna:\(Self.bcrypt)\nben:\(Self.sha1)\n", "carl:\(SHA256.hex(Array(Self.secret.utf8)))\n")
        defer { withExtendedLifetime(folder) {} }
        let stage = try await ResticServerStage(
            ["--htpasswd", users, "--tokens", tokens, "--private-repos", "--metrics", "--metrics-user", "anna"])
        let (anna, ben, carl) = (stage.with("anna", "U*U"), stage.with("ben", "test"), stage.with("carl", Self.secret))
        for (name, user) in [("anna", anna), ("ben", ben), ("carl", carl)] {
            try await user.made("\(name)/home")
            try await user.made(name)
            #expect(try await user.status("POST", "\(name)/home/config", body: Array(name.utf8)) == 200)
            for _ in 0..<3 { #expect(try await user.ask("GET", "\(name)/home/config").body == Array(name.utf8)) }
            for other in ["anna", "ben", "carl", "", "an", "annab", "ANNA"] where other != name {
                for method in ["GET", "HEAD", "POST", "DELETE"] {
                    let path = other.isEmpty ? "config" : "\(other)/home/config"
                    #expect(try await user.status(method, path, body: method == "POST" ? [] : nil) == 403, "\(name): \(method) \(path)")
                }
                #expect(try await user.status("POST", "\(other)/new/?create=true", body: []) == (other.isEmpty ? 404 : 403))
            }
        }
        let wrong = [
            stage, stage.with("anna", "U*V"), stage.with("anna", ""), stage.with("anna", Self.bcrypt), stage.with("ben", "tesT"),
            stage.with("carl", SHA256.hex(Array(Self.secret.utf8))), stage.with("", ""), stage.with("nobody", "U*U"),
            stage.with("anna", String(repeating: "x", count: 5000)),
        ]
        for stage in wrong {
            let answer = try await stage.ask("GET", "anna/home/config")
            #expect(answer.status == 401 && answer.header("WWW-Authenticate")?.hasPrefix("Basic ") == true)
            #expect(try await stage.status("POST", "anna/other/?create=true", body: []) == 401)
            #expect(try await stage.status("DELETE", "anna/home/config") == 401)
            #expect(try await stage.status("GET", "metrics") == 401)
        }
        for odd in ["Basic", "Basic !!!", "Basic " + Data("anna".utf8).base64EncodedString(), "Bearer", "Bearer x", "Digest anna", ""] {
            #expect(try await stage.ask("GET", "anna/home/config", [("Authorization", odd)]).status == 401, "\(odd)")
        }
        let bearer = [(name: "Authorization", value: "Bearer \(Self.secret)")]
        #expect(try await stage.ask("GET", "carl/home/config", bearer).status == 200)
        #expect(try await stage.ask("GET", "anna/home/config", bearer).status == 403)
        #expect(try await anna.status("GET", "metrics") == 200)
        // The figures are of all repositories: for whom the operator names.
        #expect(try await ben.status("GET", "metrics") == 403)
        #expect(try await carl.status("GET", "metrics") == 403)
        #expect(stage.rig.files.count == 3)
        let log = stage.rig.log
        let line = log.split(separator: "\n").first { $0.contains(" POST /anna/home/config 200 bytesIn=4 bytesOut=0 client=127.0.0.1 ") }
        #expect(line?.hasSuffix(" user=anna") == true, "\(log)")
        for word in ["U*U", "test", Self.secret, "Basic", "Bearer", Self.bcrypt, "create=true"] { #expect(!log.contains(word), "\(word)") }
    }

    /// Names that look alike, and that Swift takes for the same text, are names of different folders: é as one character and as two; the sign
    /// for kelvin and K.
    @Test func namesAreTheirBytes() async throws {
        let names = ["\u{e9}ve", "e\u{301}ve", "\u{212a}", "K"]
        let secrets = names.indices.map { "secret \($0)" }
        var lines = ""
        for (name, secret) in zip(names, secrets) {
            lines +=
                "\(name):"
                + (try await HostProgram.run(["openssl", "passwd", "-5", secret])).trimmingCharacters(in: .whitespacesAndNewlines)
            lines += "\n"
        }
        let (folder, users, _) = try files(lines + "e\u{301}ric:!\n\u{e9}ric:\(Self.sha1)\n")
        defer { withExtendedLifetime(folder) {} }
        let stage = try await ResticServerStage(
            ["--htpasswd", users, "--private-repos", "--metrics", "--metrics-user", names[0]])
        func path(_ name: String) -> String { name.utf8.map { "%" + String($0, radix: 16) }.joined() }
        for (index, name) in names.enumerated() {
            for (other, secret) in secrets.enumerated() {
                let user = stage.with(name, secret)
                for (place, target) in names.enumerated() {
                    let expected = other != index ? 401 : place != index ? 403 : 200
                    #expect(
                        try await user.status("POST", path(target) + "/?create=true", body: []) == expected, "\(index) \(other) \(place)")
                    #expect(try await user.status("GET", path(target) + "/keys/") == expected, "\(index) \(other) \(place)")
                }
            }
            #expect(try await stage.with(name, secrets[index]).status("GET", "metrics") == (index == 0 ? 200 : 403))
        }
        // Only he is shut out whose name it is.
        #expect(try await stage.with("\u{e9}ric", "test").status("GET", path("\u{e9}ric") + "/keys/") == 404)
        #expect(try await stage.with("e\u{301}ric", "test").status("GET", path("\u{e9}ric") + "/keys/") == 401)
        // A mark that the colon would take for its own, and a dot.
        #expect(try await stage.with(names[0], "\u{301}x").status("GET", "metrics") == 401)
        #expect(try await stage.with("K", secrets[3]).status("GET", path(".\u{301}") + "/keys/") == 404)
    }

    @Test func aChangedFileIsReadAgain() async throws {
        let (folder, users, _) = try files("anna:\(Self.bcrypt)\n")
        defer { withExtendedLifetime(folder) {} }
        let stage = try await ResticServerStage(["--htpasswd", users])
        let (anna, ben) = (stage.with("anna", "U*U"), stage.with("ben", "test"))
        #expect(try await anna.status("HEAD", "config") == 404)
        #expect(try await ben.status("HEAD", "config") == 401)
        try "anna:\(Self.bcrypt)\nben:\(Self.sha1)\n".write(toFile: users, atomically: true, encoding: .utf8)
        #expect(try await ben.status("HEAD", "config") == 404)
        // With an error in it nothing changes, and the log says where.
        try "ben:\(Self.sha1)\ncarl:in clear\n".write(toFile: users, atomically: true, encoding: .utf8)
        #expect(try await anna.status("HEAD", "config") == 404)
        try FileManager.default.removeItem(atPath: users)
        #expect(try await anna.status("HEAD", "config") == 404)
        // Whom it names no more is out, known or not.
        try "ben:\(Self.sha1)\n".write(toFile: users, atomically: true, encoding: .utf8)
        #expect(try await anna.status("HEAD", "config") == 401)
        #expect(try await ben.status("HEAD", "config") == 404)
        try await eventually("the log is written") { stage.rig.log.contains("\(users):2: ") }
        #expect(!stage.rig.log.contains("in clear"))
    }

    /// Opening a folder to everybody is said, never forgotten.
    @Test func whatIsOpenIsSaid() async throws {
        let folder = try ScratchFolder("door")
        defer { withExtendedLifetime(folder) {} }
        try "anna:plain\n".write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        try "anna:\(Self.bcrypt)\n".write(toFile: folder.file("good"), atomically: true, encoding: .utf8)
        let rig = try FlowRig("rest-door")
        defer { rig.close() }
        for (arguments, words) in [
            (["--listen", "0.0.0.0:0"], "--no-auth"), (["--listen", ":0"], "--no-auth"),
            (["--listen", "127.example.invalid:0"], "--no-auth"), (["--private-repos"], "--htpasswd"),
            (["--htpasswd", folder.file("users")], "htpasswd -nB anna"), (["--htpasswd", folder.file("none")], "readable"),
            (["--no-auth", "--htpasswd", folder.file("users")], "--no-auth"), (["--tls-cert", "x"], "give both"),
            (["--tls-cert", "/none", "--tls-key", "/none"], "PEM"),
            (["--listen", "192.0.2.1:1", "--no-auth"], "an address of this machine"),
            (["--max-size", "much"], "10GiB"), (["--metrics-user", "anna"], "--metrics-user"), (["--max-repositories", "0"], "at least 1"),
            (["--metrics", "--htpasswd", folder.file("good")], "--metrics-user"), (["--connections-per-address", "0"], "at least 1"),
            (["--listen", "nowhere"], "HOST:PORT"), (["--patience", "0s"], "--patience"),
            (["--head-time", "0s"], "--head-time"),
        ] {
            let outcome = try rig.run(["rest-server", "--path", folder.path] + arguments)
            #expect(outcome.status != 0 && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
            #expect(!outcome.errors.contains("plain"))
        }
        let missing = try rig.run(["rest-server", "--path", folder.file("none")])
        #expect(missing.status != 0 && missing.errors.contains("make it"), "\(missing.errors)")
    }

    @Test func trafficIsEncrypted() async throws {
        let (folder, users, _) = try files("anna:\(Self.bcrypt)\n")
        defer { withExtendedLifetime(folder) {} }
        let openssl = """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj '/CN=ours' -addext basicConstraints=critical,CA:TRUE
            openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >extensions
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions
            """
        try await HostProgram.run(["bash", "-euc", openssl], in: folder.path)
        let stage = try await ResticServerStage(
            ["--htpasswd", users, "--tls-cert", folder.file("server.pem"), "--tls-key", folder.file("server.key")])
        var anna = stage.with("anna", "U*U")
        await #expect(throws: (any Error).self) { try await anna.status("HEAD", "config") }
        anna.trustFile = folder.file("ca.pem")
        #expect(try await anna.status("HEAD", "config") == 404)
        let bytes = noise(9_000_000)
        try await anna.made("r")
        #expect(try await anna.status("POST", "r/data/\(ResticServerStage.id(bytes))", body: bytes) == 200)
        #expect(try await anna.ask("GET", "r/data/\(ResticServerStage.id(bytes))").body == bytes)
        // Keys that a stolen certificate's key opens later, and ciphers whose padding can be asked about, are not agreed on.
        func handshake(_ options: String) async throws -> String {
            try await HostProgram.run([
                "bash", "-c",
                "openssl s_client -connect 127.0.0.1:\(stage.rig.port) \(options) </dev/null 2>&1 | sed -n 's/.*Cipher is //p' | head -1",
            ]).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        for cipher in ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA"] {
            #expect(try await handshake("-tls1_2 -cipher \(cipher)@SECLEVEL=0") == "(NONE)", "\(cipher)")
        }
        #expect(try await handshake("-tls1_1 -cipher ALL@SECLEVEL=0") == "(NONE)")
        #expect(try await handshake("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256") == "ECDHE-RSA-AES128-GCM-SHA256")
        #expect(try await handshake("-tls1_3").hasPrefix("TLS_"))
        let plain = try RawConnection.ask(stage.rig.port, "GET", "/config")
        #expect(!plain.hasPrefix("HTTP/1.1 2") && !plain.contains("U*U"))
        // restic takes the password from the address, where `*` may stand as it is.
        let restic = try stage.restic("home/", user: "anna:U*U")
        try await restic.succeed("init", "--cacert", folder.file("ca.pem"))
        try await restic.succeed("backup", "--cacert", folder.file("ca.pem"), folder.path)
        try await restic.succeed("check", "--read-data", "--cacert", folder.file("ca.pem"))
        // Renewed by another authority, in the midst of it.
        try await HostProgram.run(
            [
                "bash", "-euc",
                "mv ca.pem former.pem\n" + openssl.replacing("server.", with: "next.") + "\nmv next.key server.key; mv next.pem server.pem",
            ],
            in: folder.path)
        let renewed = anna
        try await eventually("the new one is shown") {
            // A connection that is kept would not see it.
            let stage = ResticServerStage(renewed.rig, headers: renewed.headers, trustFile: renewed.trustFile)
            return (try? await stage.status("HEAD", "config")) == 404
        }
        #expect(stage.rig.log.contains("the certificate was read again"))
        let distrusting = try await restic.run(["snapshots"])
        #expect(distrusting.status != 0 && distrusting.errors.contains("certificate"), "\(distrusting.errors)")
    }
}
