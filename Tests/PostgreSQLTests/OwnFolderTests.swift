import Basics
import Foundation
import HostKit
import Rigs
import Testing

/// Folders that we keep something in: ours, or refused. As root another user's are at hand.
@Suite struct OwnFolderTests {
    private func status(_ path: String) -> stat {
        var status = stat()
        lstat(path, &status)
        return status
    }

    @Test func itIsMadeWithItsModesWhateverTheMask() throws {
        let scratch = try ScratchFolder("own")
        // The mask of who runs tests takes the group's right to write, at least.
        _ = try OwnFolder(making: scratch.file("a/b"), mode: 0o711, above: 0o775)
        #expect(status(scratch.file("a")).st_mode & 0o7777 == 0o775)
        #expect(status(scratch.file("a/b")).st_mode & 0o7777 == 0o711)
        _ = try OwnFolder(making: scratch.file("a/b"), mode: 0o700)
        #expect(status(scratch.file("a/b")).st_mode & 0o7777 == 0o711, "what is there stays as it is")
    }

    @Test func aFileIsPutInAnothersPlaceWhole() throws {
        let scratch = try ScratchFolder("own")
        let folder = try OwnFolder(making: scratch.file("a"))
        try "before".write(toFile: scratch.file("target"), atomically: true, encoding: .utf8)
        symlink(scratch.file("target"), folder.path + "/mark")
        try folder.write(Array("now".utf8), to: "mark")
        #expect(try String(contentsOfFile: folder.path + "/mark", encoding: .utf8) == "now")
        #expect(try String(contentsOfFile: scratch.file("target"), encoding: .utf8) == "before")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["mark"])
    }

    @Test(arguments: [0o777, 0o1777, 0o772]) func oneThatOthersWriteInIsRefused(mode: Int) throws {
        let scratch = try ScratchFolder("own")
        _ = try OwnFolder(making: scratch.file("a"))
        chmod(scratch.file("a"), mode_t(mode))
        let error = #expect(throws: Explanation.self) { _ = try OwnFolder(making: scratch.file("a")) }
        #expect(error?.kind == .folderNotPrivate && error?.location == scratch.file("a"))
    }

    /// Where there is an access list, the mode's group bits are what it allows at most, and not what the group may (acl(5)).
    @Test(arguments: [
        ("-m u:12345:rwx", false), ("-m g:12345:-wx", false), ("-m u:12345:rwx,m::r-x", true), ("-m u:12345:r-x,g::rwx", geteuid() == 0),
        ("-m u:12345:r-x", true), ("-d -m u:12345:rwx", true), ("-m u:0:rwx,g:0:rwx", true),
    ]) func accessListsCount(_ list: String, _ isFine: Bool) async throws {
        let scratch = try ScratchFolder("own")
        _ = try OwnFolder(making: scratch.file("a"), mode: 0o755)
        try await HostProgram.run(["setfacl"] + list.split(separator: " ").map(String.init) + [scratch.file("a")])
        func refused(_ path: String, _ isRefused: Bool) {
            do throws(Explanation) {
                _ = try OwnFolder(making: path, mode: 0o755)
                #expect(!isRefused, "\(path)")
            } catch {
                #expect(isRefused && error.kind == .folderNotPrivate && error.location == scratch.file("a"), "\(error)")
                #expect(error.found.contains("access list"))
            }
        }
        refused(scratch.file("a"), !isFine)
        // What is above another user's own is the machine's.
        refused(scratch.file("a/b"), !isFine && geteuid() == 0)
        // What we make ourselves in there is ours alone.
        if isFine { refused(scratch.file("a/b"), false) }
    }

    @Test func somebodyElsesIsRefused() throws {
        try requireRoot("a folder of somebody else's")
        let scratch = try ScratchFolder("own")
        let nobody: uid_t = 65534
        for (path, place) in [("his", "his"), ("his/ours", "his")] {
            mkdir(scratch.file("his"), 0o755)
            chown(scratch.file("his"), nobody, 0)
            let error = #expect(throws: Explanation.self) { _ = try OwnFolder(making: scratch.file(path)) }
            #expect(error?.location == scratch.file(place), "\(error.map { "\($0)" } ?? "")")
        }
        #expect(!FileManager.default.fileExists(atPath: scratch.file("his/ours")))
    }

    /// A link of root's leads where root wants; one that somebody else put into a folder like /tmp leads nowhere.
    @Test func linksCountAsTheirOwners() throws {
        try requireRoot("a link of somebody else's")
        let scratch = try ScratchFolder("own")
        let nobody: uid_t = 65534
        mkdir(scratch.file("real"), 0o700)
        symlink("real", scratch.file("link"))
        symlink(scratch.file("link"), scratch.file("again"))
        _ = try OwnFolder(making: scratch.file("again/below"))
        #expect(FileManager.default.fileExists(atPath: scratch.file("real/below")))
        chmod(scratch.path, 0o1777)
        lchown(scratch.file("link"), nobody, 0)
        #expect(throws: Explanation.self) { _ = try OwnFolder(making: scratch.file("again/below")) }
        symlink("loop", scratch.file("loop"))
        #expect(throws: Explanation.self) { _ = try OwnFolder(making: scratch.file("loop")) }
    }

    /// Root has a process of its own for it, which is nobody.
    @Test func whatIsAboveOnesOwnIsTheMachines() async {
        await #expect(processExitsWith: .success) {
            if geteuid() == 0 { try #require(setgid(65534) == 0 && setuid(65534) == 0) }
            let scratch = try ScratchFolder("own")
            chmod(scratch.path, 0o777)
            _ = try OwnFolder(making: scratch.file("a"))
            try FileManager.default.removeItem(atPath: scratch.path)  // a child ends without releasing anything
        }
    }

    @Test func aTreeIsRemovedAndWhatItsLinksLeadToStays() throws {
        let scratch = try ScratchFolder("own")
        let outside = scratch.file("outside")
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try "x".write(toFile: outside + "/file", atomically: true, encoding: .utf8)
        // Deeper than a path can name, with what a name can be.
        let tree = scratch.file("tree")
        try FileManager.default.createDirectory(atPath: tree + "/wide/er", withIntermediateDirectories: true)
        symlink(outside, tree + "/link")
        mkfifo(tree + "/wide/pipe", 0o600)
        chmod(tree + "/wide/er", 0o555)
        var here = open(tree, O_RDONLY | O_DIRECTORY)
        let name = Array(repeating: CChar(bitPattern: 0xff), count: 200) + [0]
        for _ in 0..<100 {
            #expect(mkdirat(here, name, 0o500) == 0 || geteuid() != 0)
            fchmodat(here, name, 0o700, 0)
            let next = openat(here, name, O_RDONLY | O_DIRECTORY)
            close(here)
            here = next
        }
        close(here)
        chmod(tree + "/wide", 0o555)
        try FolderRemoval.remove(tree)
        #expect(!FileManager.default.fileExists(atPath: tree))
        #expect(FileManager.default.fileExists(atPath: outside + "/file"))
        symlink(outside, tree)
        try FolderRemoval.remove(tree)
        try FolderRemoval.remove(tree)
        #expect(FileManager.default.fileExists(atPath: outside + "/file"))
    }

    /// Of a folder that somebody else writes in only a plain file of his is read.
    @Test func onlyPlainFilesOfTheirOwnerAreRead() throws {
        let scratch = try ScratchFolder("own")
        try "0123456789".write(toFile: scratch.file("plain"), atomically: true, encoding: .utf8)
        symlink("plain", scratch.file("link"))
        link(scratch.file("plain"), scratch.file("second"))
        mkfifo(scratch.file("pipe"), 0o600)
        try "other".write(toFile: scratch.file("other"), atomically: true, encoding: .utf8)
        let folder = try #require(try ForeignFolder(scratch.path, of: geteuid()))
        for name in ["link", "pipe"] {
            let error = #expect(throws: Explanation.self, "\(name)") { _ = try folder.read(name, atMost: 4) }
            #expect(error?.location == scratch.file(name))
        }
        // That it is not there is another thing.
        #expect(try folder.read("missing", atMost: 4) == nil)
        #expect(try ForeignFolder(scratch.file("missing"), of: geteuid()) == nil)
        #expect(throws: Explanation.self) { try ForeignFolder(scratch.file("plain"), of: geteuid()) }
        // Whoever copies by hard links gives it a second name.
        #expect(try folder.read("second", atMost: 4) == Array("0123".utf8))
        #expect(folder.hindrances() == [scratch.file("pipe") + " (a pipe)"])
        #expect(try folder.read("plain", atMost: 4) == Array("0123".utf8))
        #expect(try folder.read("plain", atMost: 4, fromEnd: true) == Array("6789".utf8))
        #expect(try folder.read("plain", atMost: 40, fromEnd: true) == Array("0123456789".utf8))
        if geteuid() == 0 {
            let nobody: uid_t = 65534
            chown(scratch.file("other"), nobody, 0)
            #expect(throws: Explanation.self) { try folder.read("other", atMost: 4) }
            #expect(throws: Explanation.self) { try ForeignFolder(scratch.path, of: nobody) }
        }
    }
}
