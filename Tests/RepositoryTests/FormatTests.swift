import Crypto
import Basics
@testable import Repository
import StorageKit
import Testing

/// Spellings that hashes depend on, from vectors of an independent implementation (facts 1.9).
@Suite struct FormatTests {
    static func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    @Test func aTreeOfOddNames() throws {
        let time = try #require(GoTime(Array("2024-01-02T03:04:05.123456789Z".utf8)))
        var file = Node(name: FileName("a\"b\\c"), type: "file")
        file.mode = 0o644
        (file.modified, file.accessed, file.changed) = (time, time, time)
        (file.user, file.group, file.inode, file.size, file.links) = ("root", "root", 7, 3, 1)
        file.content = [SHA256.digest(Array("abc".utf8))]
        var link = Node(name: FileName(bytes: [0x6C, 0x61, 0x74, 0xE4, 0x69, 0x6E, 0x3C, 0x26, 0x3E]), type: "symlink")
        link.mode = 134_218_239
        (link.modified, link.accessed, link.changed) = (time, time, time)
        link.links = 1
        link.linkTarget = Array("tgt".utf8) + [0xFF]
        let text = String(decoding: Tree(nodes: [file]).encoded, as: UTF8.self)
        #expect(text.hasPrefix(#"{"nodes":[{"name":"a\\\"b\\\\c","type":"file","mode":420,"mtime":"2024-01-02T03:04:05.123456789Z""#))
        let encoded = String(decoding: Tree(nodes: [link]).encoded, as: UTF8.self)
        #expect(encoded.contains(#""name":"lat\\xe4in\u003c\u0026\u003e""#))
        #expect(encoded.contains(#""linktarget":"tgt\ufffd","linktarget_raw":"dGd0/w==""#))
        let decoded = try Tree(decoding: Tree(nodes: [file, link]).encoded, id: SHA256.digest([]))
        #expect(decoded.encoded == Tree(nodes: [file, link]).encoded)
        #expect(decoded.nodes[1].linkTarget == link.linkTarget)
        #expect(decoded.node(named: link.name)?.mode == link.mode)
    }

    @Test func theTreeOfTheVector() throws {
        let time = try #require(GoTime(Array("2024-01-02T03:04:05.123456789Z".utf8)))
        var file = Node(name: FileName("a\"b\\c"), type: "file")
        file.mode = 0o644
        (file.modified, file.accessed, file.changed) = (time, time, time)
        (file.user, file.group, file.inode, file.size, file.links) = ("root", "root", 7, 3, 1)
        file.content = [SHA256.digest(Array("abc".utf8))]
        // The vector's link has the target "x" beside other raw bytes, which restic never writes; its spelling is put together here.
        let fileText = Tree(nodes: [file]).encoded.dropLast(3)
        let link =
            #",{"name":"lat\\xe4in\u003c\u0026\u003e","type":"symlink","mode":134218239,"mtime":"2024-01-02T03:04:05.123456789Z","atime":"2024-01-02T03:04:05.123456789Z","ctime":"2024-01-02T03:04:05.123456789Z","uid":0,"gid":0,"links":1,"linktarget":"tgt\ufffd","linktarget_raw":"dGd0/w==","content":null}]}"#
        #expect(
            SHA256.hex(Array(fileText) + Array(link.utf8) + [0x0A]) == "018581e60690d14a56635a09070ed9c252e018e2eeefbbfe26e1916d29bb50f0")
        #expect(SHA256.hex(Tree(nodes: []).encoded) == "ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8")
    }

    @Test(
        arguments: [
            ([0x61, 0x09, 0x62], #"a\tb"#), ([0x01], #"\x01"#), ([0x7F], #"\x7f"#), ([0xE4], #"\xe4"#), ([0xC2, 0xAD], #"\u00ad"#),
            ([0xC3, 0xA9], "\u{e9}"), ([0xF0, 0x9F, 0x98, 0x80], "\u{1F600}"), ([0xF3, 0xA0, 0x80, 0x81], #"\U000e0001"#),
            ([0xE2, 0x80, 0xA8], #"\u2028"#), ([0xED, 0xA0, 0x80], #"\xed\xa0\x80"#), ([0x22, 0x5C], #"\"\\"#), ([0xC2, 0xA0], #"\u00a0"#),
        ] as [([UInt8], String)])
    func namesAreQuotedAsGoDoes(name: [UInt8], quoted: String) {
        #expect(String(decoding: GoQuote.quoted(name), as: UTF8.self) == quoted)
        #expect(GoQuote.unquoted(GoQuote.quoted(name)) == name)
    }

    @Test(arguments: [
        "2024-01-02T03:04:05.123456789Z", "1969-12-31T23:59:59.9Z", "2000-02-29T12:00:00Z", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2024-06-30T05:34:05.5+05:30", "2024-01-01T00:00:00-11:45",
    ])
    func timesKeepTheirSpelling(text: String) throws { #expect(try #require(GoTime(Array(text.utf8))).text == text) }

    @Test(arguments: ["2024-01-02", "2024-13-02T03:04:05Z", "2024-01-02T03:04:05", "2024-01-02T03:04:05.Z", "2024-01-02 03:04:05Z", "x"])
    func whatIsNoTimeIsRefused(text: String) { #expect(GoTime(Array(text.utf8)) == nil) }

    @Test func yearsOutOfRangeAreClamped() {
        #expect(GoTime(FileTime(seconds: .max)).text == "9999-12-31T23:59:59.999999999Z")
        #expect(GoTime(FileTime(seconds: .min)).text == "0000-01-01T00:00:00Z")
    }

    @Test(
        arguments: [
            (FileKind.directory, 0o755, 2_147_484_141), (.file, 0o4755, 8_389_101), (.symbolicLink, 0o777, 134_218_239),
            (.characterDevice, 0o644, 69_206_436),
        ] as [(FileKind, UInt16, UInt32)])
    func modesAreGos(kind: FileKind, permissions: UInt16, bits: UInt32) {
        #expect(FileMode.bits(kind: kind, permissions: permissions) == bits)
        #expect(FileMode.permissions(of: bits) == permissions)
    }

    @Test func packHeaderVector() throws {
        let blobs = [
            PackedBlob(
                key: BlobKey(kind: .data, id: SHA256.digest([UInt8](repeating: 0x41, count: 100))), offset: 0, length: 132, plainLength: 0),
            PackedBlob(
                key: BlobKey(kind: .data, id: SHA256.digest([UInt8](repeating: 0x42, count: 1000))), offset: 132, length: 60,
                plainLength: 1000),
        ]
        let plain = PackHeader.encode(blobs)
        #expect(
            Self.hex(plain) == "0084000000d82c6aa133a0fc25b087f46ad7ed2a3042772e612e015571e61753ff55ba6da8"
                + "023c000000e80300009a5670771141349931d69d6eb982faa01def544dc17a161ef83b3277fb7c0c3c")
        #expect(PackHeader.sealedSize(blobs) == 110)
        #expect(try PackHeader.decode(plain, at: "here") == blobs)
        #expect(throws: RepositoryError.self) { try PackHeader.decode(Array(plain.dropLast()), at: "here") }
        #expect(throws: RepositoryError.self) { try PackHeader.decode([9] + plain, at: "here") }
    }

    @Test(arguments: ["..", ".", "a/b", "", "\0"])
    func treesWithHarmfulNamesAreRefused(name: String) throws {
        let encoded = Tree(nodes: [Node(name: FileName(name), type: "file")]).encoded
        let error = try #require(throws: RepositoryError.self) { try Tree(decoding: encoded, id: SHA256.digest([])) }
        #expect(error.kind == .unsafeName)
    }

    @Test func treesOutOfOrderAreRefused() {
        let nodes = ["b", "a", "a"].map { Node(name: FileName($0), type: "file") }
        #expect(throws: RepositoryError.self) { try Tree(decoding: Tree(nodes: nodes).encoded, id: SHA256.digest([])) }
        #expect(throws: RepositoryError.self) { try Tree(decoding: Tree(nodes: Array(nodes[1...])).encoded, id: SHA256.digest([])) }
    }

    @Test(arguments: [
        "", "{", "[1", "{\"nodes\":[}", "{\"nodes\":[{\"name\":\"\\q\"}]}", "{\"nodes\":[{\"name\":\"a\",\"mode\":-1}]}",
        "{\"nodes\":[{\"mode\":99999999999}]}",
        "{\"nodes\":[]} x", String(repeating: "[", count: 100_000), "{\"x\":" + String(repeating: "{\"x\":", count: 100_000),
    ])
    func damagedTreesAreAnErrorNotACrash(text: String) {
        #expect(throws: RepositoryError.self) { try Tree(decoding: Array(text.utf8), id: SHA256.digest([])) }
    }

    @Test func numbersOfSixtyFourBitsSurvive() throws {
        var node = Node(name: "x", type: "dev")
        (node.inode, node.device) = (.max, 1 << 63)
        let decoded = try Tree(decoding: Tree(nodes: [node]).encoded, id: SHA256.digest([])).nodes[0]
        #expect(decoded.inode == .max && decoded.device == 1 << 63)
    }
}
