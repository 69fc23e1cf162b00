import CLinux
import Basics
import Glibc
public import StorageKit
import Synchronization

/// A program in a session of its own, with a socket each as input, output, errors and descriptor 3, and a file that it is given as descriptor 4. It ends
/// with everything that it started.
public final class SpawnedProcess: Sendable {
    public let input: Int32
    public let output: Int32
    public let errors: Int32
    public let data: Int32
    private let number: pid_t
    private let state = Mutex<Ending?>(nil)

    public enum Ending: Sendable, Hashable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        public var description: String {
            switch self {
            case .exited(let status): "it ended with status \(status)"
            case .signalled(let signal): "it was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
            }
        }
    }

    /// How it ended; nil while it runs.
    public var ending: Ending? { state.withLock { $0 } }

    /// `environment` is the whole of it; `file`, a descriptor above 9, is shared with it. Throws `StorageError` where the program can't be started.
    public init(_ arguments: [String], environment: [String: String], sharing file: Int32? = nil) throws(StorageError) {
        let program = arguments.first ?? ""
        var pairs: [(ours: Int32, theirs: Int32)] = []
        func failure(_ code: Int32) -> StorageError {
            StorageError(
                code == ENOENT ? .notFound : code == EACCES ? .accessDenied : .failed, expected: "a program that can be started",
                found: String(cString: strerror(code)), at: program,
                advice: "check that the file is there, may be executed, and that its first line names an interpreter that is there",
                retry: [EAGAIN, ENOMEM, ETXTBSY].contains(code) ? .transient : .permanent)
        }
        for _ in 0..<4 {
            guard let pair = DescriptorIO.pair() else {
                for pair in pairs { close(pair.ours); close(pair.theirs) }
                throw failure(errno)
            }
            // Above the numbers that they are to have in the program.
            let high = fcntl(pair.theirs, F_DUPFD_CLOEXEC, 10)
            close(pair.theirs)
            pairs.append((pair.ours, high))
        }
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        let given = pairs.map(\.theirs) + (file.map { [$0] } ?? [])
        for (target, descriptor) in given.enumerated() { posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target)) }
        // What this program has open is none of the other's.
        linux_spawn_close_from(&actions, Int32(given.count))
        // The threads of this program block most signals, and a program inherits that.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | Self.setSession))
        var process = pid_t()
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + variables { free(word) } }
        var code = posix_spawn(&process, program, &actions, &attributes, &words, &variables)
        // Whoever has just written the file may have it open still, as a child between fork and exec.
        for _ in 0..<50 where code == ETXTBSY {
            usleep(20_000)
            code = posix_spawn(&process, program, &actions, &attributes, &words, &variables)
        }
        for pair in pairs { close(pair.theirs) }
        guard code == 0 else {
            for pair in pairs { close(pair.ours) }
            throw failure(code)
        }
        number = process
        (input, output, errors, data) = (pairs[0].ours, pairs[1].ours, pairs[2].ours, pairs[3].ours)
    }

    /// spawn.h, POSIX_SPAWN_SETSID
    private static let setSession: Int32 = 0x80

    /// Nobody reads or writes any more.
    deinit { for descriptor in [input, output, errors, data] { close(descriptor) } }

    /// What it takes nothing from us for so long is given up.
    public func limitWrites(to seconds: Int) { for descriptor in [input, data] { limit(descriptor, SO_SNDTIMEO, seconds) } }

    /// An output that says nothing for so long counts as ended.
    public func limitReads(to seconds: Int) { limit(output, SO_RCVTIMEO, seconds) }

    private func limit(_ descriptor: Int32, _ option: Int32, _ seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Waits, on the caller's thread, until the program has ended; ends what it left behind in its session's first group; wakes who reads.
    public func reap() -> Ending {
        var info = siginfo_t()
        while waitid(P_PID, id_t(number), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        var status: Int32 = 0
        let ending = state.withLock { state in
            // Not reaped yet, so the number is still its own.
            Glibc.kill(-number, SIGKILL)
            while waitpid(number, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7f
            let ending: Ending = signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
            state = ending
            return ending
        }
        for descriptor in [input, output, errors, data] { shutdown(descriptor, Int32(SHUT_RDWR)) }
        return ending
    }

    /// To it and everything that it started; nothing when it has ended.
    public func kill() { kill(SIGKILL) }
    public func kill(_ signal: Int32) { state.withLock { if $0 == nil { Glibc.kill(-number, signal) } } }

    /// As `kill`, and nobody waits for what it still had to say: one that waits in the kernel ends only when that lets it go.
    public func cutOff() {
        kill()
        for descriptor in [input, data] { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// It reads the end of its input and is expected to end.
    public func closeInput() { shutdown(input, Int32(SHUT_RDWR)) }
}
