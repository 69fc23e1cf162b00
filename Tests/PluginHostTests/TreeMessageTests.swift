import Basics
import StorageKit
import Testing

@testable import PluginHost

/// File trees in the words of the protocol.
@Suite struct TreeMessageTests {
    private func listing(_ lines: String) -> TreeListing? { TreeMessage.listing(Array(lines.utf8), call: "tree.list", plugin: "p") }

    private func line(_ name: String) -> String { #"{"name": \#(name), "metadata": {"kind": "file", "modified": [1, 2]}}"# + "\n" }

    @Test func metadataComeBackAsTheyWere() throws {
        let full = FileMetadata(
            kind: .characterDevice, permissions: 0o7777, userID: .max, groupID: 7, user: "ü", group: "g", inode: .max, deviceID: 1 << 63,
            linkCount: 3, size: 0, modified: FileTime(seconds: -1, nanoseconds: 999_999_999), accessed: FileTime(seconds: 5),
            changed: FileTime(seconds: .max), linkTarget: [0xFF, 0x2F], device: .max,
            extendedAttributes: [ExtendedAttribute(name: "user.a", value: [0, 255]), ExtendedAttribute(name: "user.b", value: [])])
        #expect(FileMetadata(message: try JSONValue(parsing: full.message.canonicalBytes)) == full)
        let least = try #require(FileMetadata(message: ["kind": "file", "modified": [1, 2]]))
        #expect(least.size == FileMetadata.unknownSize && least.permissions == 0o644 && least.changed == least.modified)
    }

    @Test(
        arguments: [
            ["kind": "file"], ["modified": [1, 2]], ["kind": "door", "modified": [1, 2]],
            ["kind": "file", "modified": [1, 1_000_000_000]],
            ["kind": "file", "modified": [1]], ["kind": "file", "modified": "now"],
            ["kind": "file", "modified": [1, 2], "extendedAttributes": [["name": "user.a", "value": "%"]]],
        ] as [JSONValue])
    func whatIsNoMetadataIsRefused(_ json: JSONValue) { #expect(FileMetadata(message: json) == nil) }

    @Test func namesAreSortedAndPlain() throws {
        let found = try #require(listing(line(#""b""#) + line(#"{"base64": "/w=="}"#) + line(#""a""#)))
        #expect(found.entries.map(\.name) == ["a", "b", FileName(bytes: [0xFF])])
        for name in [#""..""#, #"".""#, #""""#, #""a/b""#, #""a\u0000""#, "7", #"{"base64": "Li4="}"#] {
            #expect(listing(line(name)) == nil, "\(name)")
        }
        #expect(listing(line(#""a""#) + line(#"{"base64": "YQ=="}"#)) == nil, "one name twice")
        let failed = try #require(listing(#"{"name": "x", "error": {"kind": "accessDenied", "found": "no"}}"#))
        #expect(failed.failures.first?.error.kind == .accessDenied && failed.entries.isEmpty)
    }

    @Test func noPathLeadsOutOfTheRoot() {
        #expect(TreeMessage.path("a/b") == TreePath("a/b") && TreeMessage.path("") == TreePath() && TreeMessage.path("/a") == TreePath("a"))
        for path in ["..", "a/../../b", "./a", "a\u{0}b"] as [String] { #expect(TreeMessage.path(.string(path)) == nil, "\(path)") }
        #expect(TreeMessage.path(["base64": "!"]) == nil && TreeMessage.path(7) == nil && TreeMessage.path(nil) == nil)
    }
}
