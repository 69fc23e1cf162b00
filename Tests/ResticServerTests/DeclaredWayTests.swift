import Foundation
import Rigs
import Testing

/// A request goes where the document says, whatever the environment has to say about ways and passwords.
@Suite struct DeclaredWayTests {
    @Test func theEnvironmentLeadsNowhere() async throws {
        let folder = try ScratchFolder("way")
        defer { withExtendedLifetime(folder) {} }
        try "anna:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n".write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        let stage = try await ResticServerStage(["--htpasswd", folder.file("users")])
        let trap = try HTTPRig { _ in HTTPRig.answer("200 OK", "by proxy") }
        defer { trap.stop() }
        let rig = try FlowRig("way")
        defer { rig.close() }
        try rig.write("pw", "geheim\n")
        try rig.write("user-pw", "test\n")
        try rig.write(".netrc", "default login anna password test\n")
        func initialize(_ more: String) throws -> FlowOutcome {
            let document = try rig.write(
                "pipeline.yaml",
                """
                name: home
                systems:      {home: {type: directory, path: \(rig.path("data"))}}
                repositories: {vault: {type: rest, url: '\(stage.rig.url)r/', password: {fromFile: \(rig.path("pw"))}, retryFor: 0s\(more)}}
                steps: [{copy: home, to: vault}]
                """)
            let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            var environment = Dictionary(uniqueKeysWithValues: names.map { ($0, trap.url) })
            environment["HOME"] = rig.folder
            environment["NETRC"] = rig.path(".netrc")
            environment["NO_PROXY"] = more.contains("proxy:") ? "127.0.0.1" : ""
            environment["no_proxy"] = environment["NO_PROXY"]
            return try rig.run(["repository", "init", "--file", document, "--repository", "vault"], environment: environment)
        }
        let user = ", user: anna, userPassword: {fromFile: \(rig.path("user-pw"))}"
        let nobody = try initialize("")
        #expect(nobody.status != 0 && trap.connections == 0, "\(nobody.errors)")
        #expect(!stage.rig.log.contains("user=anna"), "no password of a file that nobody named")
        let somebody = try initialize(user)
        #expect(somebody.status == 0 && trap.connections == 0, "\(somebody.errors)")
        // Declared, it is taken, and the environment makes no exception of it.
        let declared = try initialize(user + ", proxy: '\(trap.url)'")
        #expect(declared.status != 0 && trap.connections > 0, "\(declared.errors)")
        let inClear = try initialize(user + ", proxy: 'http://me:s3cret@127.0.0.1:\(trap.port)'")
        #expect(inClear.status != 0 && inClear.errors.contains("proxy") && !inClear.errors.contains("s3cret"), "\(inClear.errors)")
    }
}
