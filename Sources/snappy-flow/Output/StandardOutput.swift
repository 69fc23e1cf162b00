import Basics

@preconcurrency import Glibc  // `stdout` is a variable

enum StandardOutput {
    /// Throws when something of what was printed did not arrive (a full disk): a listing that is cut short must not pass for whole.
    /// A reader that went away (`| head`) has seen what it wanted.
    static func requireWritten() throws {
        let isFlushed = fflush(stdout) == 0
        guard !isFlushed || ferror(stdout) != 0 else { return }
        var state = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        if poll(&state, 1, 0) > 0, state.revents & Int16(POLLERR | POLLHUP) != 0 { return }
        throw CommandFailure(
            .failed, "error: standard output: expected room for all that was printed, found none; what was printed is not whole")
    }
}
