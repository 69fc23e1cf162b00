import Foundation
import HTTPClient
import Rigs
import Testing

/// What takes room, and what only says so.
@Suite struct RoomTests {
    /// Bodies that were announced and never come keep nobody out; those that come are counted as they come.
    @Test func whatIsAnnouncedTakesNoRoom() async throws {
        let stage = try await ResticServerStage(["--max-size", "12MB"])
        try await stage.made("r")
        let announced = try (0..<5).map { number in
            let connection = try RawConnection(port: stage.rig.port)
            connection.send(
                "POST /r/data/\(ResticServerStage.id([UInt8(number)])) HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
            )
            let answer = String(decoding: connection.receive() ?? [], as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 100"), "\(number): \(answer)")
            return connection
        }
        let bytes = noise(9_000_000)
        #expect(try await stage.status("POST", "r/data/\(ResticServerStage.id(bytes))", body: bytes) == 200)
        // There is none left now for what was announced then.
        announced[0].send([UInt8](repeating: 0, count: 3_000_000))
        #expect(String(decoding: announced[0].receive() ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 507"))
        #expect(try await stage.status("POST", "r/data/\(ResticServerStage.id([9]))", body: [9]) == 200)
        #expect(stage.rig.files.count == 2)
    }

    /// A million objects of a byte would take every inode, and hardly any room by their bytes.
    @Test func smallObjectsTakeABlockEach() async throws {
        let stage = try await ResticServerStage(["--max-size", "1200000B"])
        try await stage.made("r")
        let ids = (0..<40).map { ResticServerStage.id([UInt8($0)]) }
        var found: [Int] = []
        for (number, id) in ids.enumerated() { found.append(try await stage.status("POST", "r/locks/\(id)", body: [UInt8(number)])) }
        #expect(found == [Int](repeating: 200, count: 30) + [Int](repeating: 507, count: 10))
        let empty = ResticServerStage.id([])
        #expect(try await stage.status("POST", "r/locks/\(empty)", body: []) == 507)
        #expect(try await stage.status("DELETE", "r/locks/\(ids[0])") == 200)
        #expect(try await stage.status("POST", "r/locks/\(empty)", body: []) == 200)
        #expect(try await stage.status("POST", "r/locks/\(ids[0])", body: [0]) == 507)
        let next = try await ResticServerStage(["--max-size", "1200000B"], over: stage.rig)
        #expect(try await next.status("POST", "r/locks/\(ids[0])", body: [0]) == 507, "counted again at the start")
    }

    /// A repository is 262 folders, before anything is in it.
    @Test func foldersTakeRoom() async throws {
        let stage = try await ResticServerStage(["--max-size", "3MB"])
        for name in ["a", "b"] { try await stage.made(name) }
        let full = try await stage.ask("POST", "c/?create=true", body: [])
        #expect(full.status == 507 && String(decoding: full.body, as: UTF8.self).contains("--max-size"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.rig.repositories).sorted() == ["a", "b"])
        try await stage.made("a")
        let next = try await ResticServerStage(["--max-size", "3MB"], over: stage.rig)
        #expect(try await next.status("POST", "c/?create=true", body: []) == 507, "counted again at the start")
    }

    /// Each user's own.
    @Test func repositoriesAreCounted() async throws {
        let folder = try ScratchFolder("room")
        defer { withExtendedLifetime(folder) {} }
        let hash = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="
        try "anna:\(hash)\nben:\(hash)\n".write(toFile: folder.file("users"), atomically: true, encoding: .utf8)
        let stage = try await ResticServerStage(["--htpasswd", folder.file("users"), "--private-repos", "--max-repositories", "3"])
        let (anna, ben) = (stage.with("anna", "test"), stage.with("ben", "test"))
        for name in ["anna", "anna/deep/er", "anna/x"] { try await anna.made(name) }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 { group.addTask { try await ben.status("POST", "ben/\(number)/?create=true", body: []) } }
            let all = try await group.reduce(into: []) { $0.append($1) }
            #expect(all.filter { $0 == 200 }.count == 3 && all.filter { $0 == 403 }.count == 5, "\(all)")
        }
        let refused = try await anna.ask("POST", "anna/deep/?create=true", body: [])
        #expect(refused.status == 403 && String(decoding: refused.body, as: UTF8.self).contains("3 repositories"))
        #expect(!FileManager.default.fileExists(atPath: stage.rig.repositories + "/anna/deep/data"))
        try await anna.made("anna/deep/er")
    }

    /// Where nobody is asked who he is, the figures are for this machine.
    @Test func figuresAreForThisMachine() async throws {
        let stage = try await ResticServerStage(["--metrics"])
        #expect(try await stage.status("GET", "metrics") == 200)
    }
}
