import Glibc

/// Lines on standard error. A reader that went away, or a full disk, costs the lines.
struct StandardErrorWriter: LogWriter {
    let format: LogFormat
    /// Each line begins with its level as the journal reads it: `<4>` (sd-daemon(3)).
    let isJournal: Bool
    var descriptor: Int32 = STDERR_FILENO

    func write(_ record: LogRecord) {
        let line = (isJournal ? "<\(record.level.severity)>" : "") + format.line(record) + "\n"
        send(Array(line.utf8))
    }

    private func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN {
                // Somebody made the pipe one that does not block: it has a second.
                var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&state, 1, 1000) > 0 else { return }
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }

    /// Whether the standard error of a process with these variables is the journal, and not what somebody has put in its place since:
    /// `JOURNAL_STREAM` names its device and inode (systemd.exec(5)).
    static func isJournal(_ environment: [String: String], descriptor: Int32 = STDERR_FILENO) -> Bool {
        var status = stat()
        guard let stream = environment["JOURNAL_STREAM"], fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}
