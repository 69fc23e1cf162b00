import HostKit
import Dispatch
import Basics
import Glibc
import StepKit
import StorageKit
import Synchronization
import SystemPackage

/// A running program's output, read to its end. A program that does not end well makes the read after the last byte fail, so that
/// half a dump never becomes a repository snapshot.
final class OutputStream: FileReader, Sendable {
    private let call: ProgramCall
    private let time: FileTime
    private let output: Pipe
    /// Its write end is closed when the program has ended.
    private let bell: Pipe
    private let program: Task<ProgramResult, any Error>
    private let result: ResultBox
    private let onWarnings: @Sendable (String) -> Void

    /// `onWarnings` gets what a program that ended well wrote to standard error, if anything.
    init(_ call: ProgramCall, time: FileTime, onWarnings: @escaping @Sendable (String) -> Void = { _ in }) throws {
        self.call = call
        self.time = time
        self.onWarnings = onWarnings
        guard let output = Pipe(), let bell = Pipe() else {
            throw StepError(
                .failed, expected: "a pipe for the output of \(call.program)", found: String(cString: strerror(errno)), at: call.origin,
                advice: "raise the limit of open files", retry: .transient)
        }
        self.output = output
        self.bell = bell
        let result = ResultBox()
        self.result = result
        program = Task.detached {
            let outcome: Result<ProgramResult, any Error>
            do {
                outcome = .success(try await CommandRunner(call).run(output: FileDescriptor(rawValue: output.takeWriteEnd())))
            } catch {
                outcome = .failure(error)
            }
            result.set(outcome)
            bell.closeWriteEnd()
            return try outcome.get()
        }
    }

    /// Nobody knows beforehand how much a program writes.
    static func metadata(_ time: FileTime) -> FileMetadata {
        FileMetadata(kind: .file, permissions: 0o600, userID: getuid(), groupID: getgid(), size: FileMetadata.unknownSize, modified: time)
    }

    func metadata() throws -> FileMetadata { Self.metadata(time) }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            var waits = [
                pollfd(fd: output.readEnd, events: Int16(POLLIN), revents: 0), pollfd(fd: bell.readEnd, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waits, 2, -1) >= 0 || errno == EINTR else { break }
            if waits[0].revents != 0 {
                let count = Glibc.read(output.readEnd, buffer.baseAddress! + filled, buffer.count - filled)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { break }
                filled += count
            } else if waits[1].revents != 0 {
                break  // the program is gone and nothing is left, even if a child of it holds the pipe
            }
        }
        if filled == 0 { try requireGoodEnd() }
        return filled
    }

    private func requireGoodEnd() throws {
        do {
            let result = try result.wait().get()
            try result.require(of: call)
            if !result.errors.isEmpty { onWarnings(result.errors) }
        } catch let error as StepError {
            throw error
        } catch {
            throw StepError(wrapping: error, at: call.origin)
        }
    }

    func close() { stop() }

    /// Ends the program if it still runs.
    func stop() { program.cancel() }

    func ended() async { _ = await program.result }
}

/// A pipe whose ends are closed once.
private final class Pipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Mutex<Int32>

    init?() {
        var ends: [Int32] = [-1, -1]
        guard Kernel.pipe(&ends) == 0 else { return nil }
        readEnd = ends[0]
        writeEnd = Mutex(ends[1])
    }

    /// The write end, which the caller closes.
    func takeWriteEnd() -> Int32 {
        writeEnd.withLock { end in
            defer { end = -1 }
            return end
        }
    }

    func closeWriteEnd() {
        let end = takeWriteEnd()
        if end >= 0 { close(end) }
    }

    deinit {
        close(readEnd)
        closeWriteEnd()
    }
}

/// A result that a thread waits for.
private final class ResultBox: Sendable {
    private let value = Mutex<Result<ProgramResult, any Error>?>(nil)
    private let ready = DispatchSemaphore(value: 0)

    func set(_ result: Result<ProgramResult, any Error>) {
        value.withLock { $0 = result }
        ready.signal()
    }

    func wait() -> Result<ProgramResult, any Error> {
        ready.wait()
        ready.signal()
        return value.withLock { $0 } ?? .failure(CancellationError())
    }
}
