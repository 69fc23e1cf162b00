import Crypto
import Testing

@testable import ResticServer

@Suite struct RequestTargetTests {
    private static let id = SHA256.digest([1])

    @Test func addressesAreRead() {
        let hex = Self.id.hex
        func subject(_ target: String) -> RequestTarget.Subject? { RequestTarget(target)?.subject }
        #expect(subject("/?create=true") == .repository(create: true))
        #expect(subject("/a/?create=true") == .repository(create: true))
        #expect(subject("/a?create=true") == .repository(create: true))
        #expect(subject("/a/") == .repository(create: false))
        #expect(subject("/config") == .config(name: "config"))
        #expect(subject("/a/b/config") == .config(name: "config"))
        #expect(subject("/a/data/") == .list(.data))
        #expect(subject("/a/data") == .list(.data))
        #expect(subject("/a/locks/\(hex)") == .object(.locks, Self.id))
        #expect(subject("/data/\(hex)") == .object(.data, Self.id))
        #expect(RequestTarget("/a/b%20c/%C3%BC/index/")?.repository == ["a", "b c", "ü"])
        #expect(RequestTarget("/data/")?.repository == [])
    }

    @Test(arguments: [
        "", "a", "/..", "/../config", "/a/../config", "/%2e%2e/config", "/%2E./config", "/a%2fb/config", "/a%2Fb/", "/a%5cb/", "/a\\b/",
        "//config",
        "/a//config", "/./config", "/.hidden/config", "/a/%00/config", "/a/%0a/config", "/a/%/config", "/a/%2/config", "/a/%zz/config",
        "/a/%ff/config", "/%64ata/", "/conf%69g", "/data/../config", "/data/x", "/data/..%2fconfig", "/keys/%2e%2e/config", "/config/",
        "/config/x",
        "/data/data/", "/locks/ABCDEF", "http://elsewhere/config",
    ]) func whatIsNoAddressIsNone(_ target: String) {
        #expect(RequestTarget(target) == nil, "\(target): \(String(describing: RequestTarget(target)))")
    }

    @Test func boundsAreKept() {
        let hex = Self.id.hex
        #expect(RequestTarget("/data/\(hex)0") == nil)
        #expect(RequestTarget("/data/\(hex.dropLast())") == nil)
        #expect(RequestTarget("/data/\(hex.uppercased())") == nil)
        #expect(RequestTarget("/data/\(hex)/") == nil)
        #expect(RequestTarget("/" + String(repeating: "a/", count: 16) + "config") != nil)
        #expect(RequestTarget("/" + String(repeating: "a/", count: 17) + "config") == nil)
        #expect(RequestTarget("/" + String(repeating: "a", count: 256) + "/config") == nil)
        #expect(RequestTarget("/" + String(repeating: "a/", count: 4000)) == nil)
    }

    @Test func rangesAreRead() {
        #expect(ByteRange(nil, size: 10) == .whole)
        #expect(ByteRange("bytes=0-", size: 10) == .part(0..<10))
        #expect(ByteRange("bytes=2-4", size: 10) == .part(2..<5))
        #expect(ByteRange("bytes=2-400", size: 10) == .part(2..<10))
        #expect(ByteRange("bytes=-3", size: 10) == .part(7..<10))
        #expect(ByteRange("bytes=-30", size: 10) == .part(0..<10))
        #expect(ByteRange("bytes=10-", size: 10) == .beyond)
        #expect(ByteRange("bytes=0-", size: 0) == .beyond)
        #expect(ByteRange("bytes=-0", size: 10) == .beyond)
        #expect(ByteRange("bytes=9223372036854775807-9223372036854775807", size: 10) == .beyond)
        for odd in [
            "bytes=4-2", "bytes=a-b", "bytes=-", "bytes=", "lines=1-2", "bytes=0-1,3-4", "bytes=+1-2", "bytes=99999999999999999999-",
        ] {
            #expect(ByteRange(odd, size: 10) == .whole, "\(odd)")
        }
    }
}
