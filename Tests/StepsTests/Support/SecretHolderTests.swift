import Basics
import HTTPClient
import PluginHost
import Rigs
import Testing

@testable import Steps

/// What plug-ins keep of secrets shows none of them.
@Suite struct SecretHolderTests {
    private static let marker = "marker-of-the-secret"

    private static var holders: [(value: any SecretHolding & Sendable, place: String)] {
        let password = Keystone.Credential.password(user: "anna", domain: "d", password: marker, project: "p", projectDomain: "d")
        return [
            (SignatureV4(accessKey: "AKID", secretKey: marker, region: "eu-1"), "eu-1"),
            (Keystone(url: "https://keys/v3", credential: password, region: nil, interface: "public"), "https://keys/v3"),
            (password, "credential"), (Keystone.Credential.application(id: "i", secret: marker), "credential"),
            (TempAuth(url: "https://swift/auth", user: "a:anna", key: marker), "a:anna"),
            (SwiftSession(url: "https://swift/v1", token: marker), "https://swift/v1"),
            (Globals.Role(name: "anna", password: marker), "anna"),
            (
                PluginProgram(name: "array", command: ["/x"], environment: ["TOKEN": marker], timeout: .seconds(1), callsAtOnce: 1),
                "array"
            ),
            (HTTPAnswer(status: 201, headers: [("X-Subject-Token", marker)], body: Array(marker.utf8)), "201"),
        ]
    }

    @Test func theyShowWhereAndNotWhat() {
        for (holder, place) in Self.holders {
            let text = printed(holder)
            #expect(text.contains(place) && !text.contains(Self.marker), "\(text)")
            #expect(!text.contains("\(Array(Self.marker.utf8))"), "\(text)")
        }
        #expect(Self.holders.count == 9)
    }
}
