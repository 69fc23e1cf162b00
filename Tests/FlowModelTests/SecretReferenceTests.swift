import Basics
import FlowModel
import Testing

@Suite struct SecretReferenceTests {
    @Test func wayInAndOut() throws {
        #expect(SecretReference(json: ["fromEnv": "X"]) == .environment("X"))
        #expect(SecretReference(json: ["fromFile": "/p"]) == .file("/p"))
        for json: JSONValue in ["x", ["fromEnv": 1], ["fromEnv": "X", "fromFile": "/p"], [:], ["from": "x"]] {
            #expect(SecretReference(json: json) == nil)
        }
        #expect(try JSONValue(encoding: SecretReference.file("/p")) == ["fromFile": "/p"])
    }
}
