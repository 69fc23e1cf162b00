import FlowModel
import ExamplePlugin
import Basics
import Foundation
import Rigs
import StepKit
import StorageKit
import Testing

/// docs/plug-ins.md shows both doors; what it shows is so.
@Suite struct PluginGuideTests {
    private static let guide = FlowRig.packageRoot + "/docs/plug-ins.md"

    /// The conversation of the guide, held with the example.
    @Test func theConversationIsWordForWord() async throws {
        let text = try String(contentsOfFile: Self.guide, encoding: .utf8)
        // A message that is too long for a line of the guide goes on in lines that begin with two spaces more.
        let messages = text.replacing(/(?m)^[→←] .*(\n  .*)*/) { $0.output.0.replacing("\n  ", with: "") }
        let lines = messages.split(separator: "\n").filter { $0.hasPrefix("→ ") || $0.hasPrefix("← ") }.map(String.init)
        #expect(lines.count == 38)
        let folder = try ScratchFolder("guide")
        let images = folder.file("images")
        try FileManager.default.createDirectory(atPath: images, withIntermediateDirectories: true)
        // Data in the second 64 KiB, and nowhere else.
        let script = """
            import fcntl, json, os, socket, subprocess, struct, sys
            lines, program, folder = sys.argv[1:]
            with open(folder + "/shop.img", "wb") as image:
                image.truncate(262144)
                image.seek(65536)
                image.write(b"x" * 65536)
            # Above 3, whatever is free.
            pair = socket.socketpair()
            ours, theirs = (socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)) for end in pair)
            ours.settimeout(20)
            os.dup2(theirs.fileno(), 3)
            plugin = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[3], text=True)
            def move(text): return text.replace("/srv/images", folder)
            for line in open(lines):
                what, message = line[0], move(line[2:].strip())
                if what == "→":
                    request = json.loads(message)
                    plugin.stdin.write(message + "\\n")
                    plugin.stdin.flush()
                    if "data" in request: ours.sendall(struct.pack("<QQ", request["id"], request["data"]) + bytes(request["data"]))
                    continue
                reply = plugin.stdout.readline().strip()
                assert reply == message, (reply, message)
                if "data" in json.loads(reply):
                    count = json.loads(reply)["data"]
                    got = b""
                    while len(got) < 16 + count: got += ours.recv(65536)
                    assert struct.unpack("<QQ", got[:16]) == (json.loads(reply)["id"], count)
                    if count == 16: assert struct.unpack("<QQ", got[16:]) == (65536, 65536), got
            plugin.stdin.close()
            assert plugin.wait(20) == 0
            """
        try lines.joined(separator: "\n").write(toFile: folder.file("lines"), atomically: true, encoding: .utf8)
        try await HostProgram.run(
            ["python3", "-c", script, folder.file("lines"), FlowRig.packageRoot + "/examples/plugin/image-folder", images])
    }

    /// The example in Swift, copied and read back.
    @Test func thePluginInSwiftWorks() async throws {
        let stage = try StepStage(extra: [HostFactsType()])
        let root = stage.folder.file("machine")
        func write(_ path: String, _ text: String) throws {
            let url = URL(fileURLWithPath: root + "/" + path)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        try write("etc/os-release", "ID=debian\n")
        try write("var/lib/dpkg/status", "Package: zsh\nStatus: ok\nVersion: 5.9\n\nPackage: bash\nVersion: 5.2\nDescription: a shell\n")
        stage.declare(repository: "vault")
        try stage.declare(system: "machine", "host-facts", ["root": .string(root)])
        try await stage.run("copy", id: "copy", .systems(["machine"]), ["to": "vault"])
        try await stage.restic("vault").succeed("restore", "latest", "--target", stage.folder.file("back"))
        let back = stage.folder.file("back") + "/host-facts" + root
        #expect(try String(contentsOfFile: back + "/packages", encoding: .utf8) == "bash 5.2\nzsh 5.9\n")
        #expect(try String(contentsOfFile: back + "/os-release", encoding: .utf8) == "ID=debian\n")
    }

    @Test func theGuideNamesWhatIsThere() throws {
        let text = try String(contentsOfFile: Self.guide, encoding: .utf8)
        for match in text.matches(of: /\]\(\.\.\/([^)]+)\)/) {
            #expect(FileManager.default.fileExists(atPath: FlowRig.packageRoot + "/" + match.1), "\(match.1)")
        }
    }
}
