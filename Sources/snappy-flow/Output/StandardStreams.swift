import Glibc

enum StandardStreams {
    /// Who is started with one of the three closed (`2>&-`) would get its number for the next file that he opens, and write his log into a
    /// repository.
    static func open() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free: this one, for those below are open.
            _ = Glibc.open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
        }
    }
}
