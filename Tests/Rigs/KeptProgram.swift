import Foundation
import Glibc
import Synchronization

/// Servers of a test, held by a shell that stops them when its input ends: with the test process, in whatever way that ends.
public final class KeptProgram: @unchecked Sendable {  // started once, by whoever makes it
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// `script` is for bash, with `arguments` as `$1`, `$2`, ...: it starts servers, prints `ready` when they answer, reads its input to the
    /// end, and stops them. What it prints instead of `ready` is the failure's text. Blocks until then.
    public init(_ script: String, _ arguments: [String] = []) throws {
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script, "bash"] + arguments
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try Self.withoutBlockedSignals { try process.run() }
        let said = line()
        guard said == "ready\n" else { throw ResticRig.Failure(description: "a server of the test did not start: \(said)") }
    }

    private func line() -> String {
        var said = ""
        while !said.hasSuffix("\n") {
            let part = output.fileHandleForReading.availableData
            if part.isEmpty { break }
            said += String(decoding: part, as: UTF8.self)
        }
        return said
    }

    /// Hands a line to a script that reads them, and waits for the line that it answers: the first word of this one. One caller at a time.
    func tell(_ command: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
        let answer = line()
        guard answer == "\(command.prefix { $0 != " " })\n" else {
            throw ResticRig.Failure(description: "a server of the test was told \(command) and said: \(answer)")
        }
    }

    /// A program inherits which signals its starter's thread has blocked, and the threads of a Swift program block nearly all: servers would not
    /// end when they are told to.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// What a script may use: `stop PID` asks it to end, and makes it after three seconds; `await PID COMMAND...` until the command succeeds, the process is gone, or a minute is over.
    public static let prelude = """
        await() {
            local pid=$1 tries=0; shift
            until "$@" >/dev/null 2>&1; do
                tries=$((tries + 1))
                if [ $tries -gt 600 ] || ! kill -0 "$pid" 2>/dev/null; then return 1; fi
                sleep 0.1
            done
        }
        stop() {
            kill "$1" 2>/dev/null
            for _ in $(seq 30); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done
            kill -KILL "$1" 2>/dev/null
        }
        listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

        """

    /// A port of loopback that nobody had a moment ago, below those that the kernel gives out by itself. No two of this process are the same: who has
    /// one takes it later. Other test processes begin elsewhere.
    public static func freePort() throws -> Int {
        for _ in 0..<200 {
            let port = 12000 + ports.wrappingAdd(1, ordering: .relaxed).newValue % 20000
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isFree = withUnsafeBytes(of: &address) { bytes in
                bytes.assumingMemoryBound(to: sockaddr.self).baseAddress.map { bind(listener, $0, socklen_t(bytes.count)) == 0 } ?? false
            }
            if isFree { return port }
        }
        throw ResticRig.Failure(description: "no free port of loopback")
    }

    private static let ports = Atomic(Int(getpid()) &* 997 % 20000)

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitForEnd()
    }
}
