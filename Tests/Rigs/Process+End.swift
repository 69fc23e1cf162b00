public import Foundation
import Glibc

extension Process {
    /// Waits until the program has ended, for whoever needs no status of it. Foundation hears of an end by a socket that any program inherits which is
    /// started at the same moment: `waitUntilExit` then waits for that one, which may be a server that ends with this process.
    public func waitForEnd() {
        while isRunning {
            var info = siginfo_t()
            // It stays for Foundation to reap. SIGCHLD says that there is something to reap.
            if waitid(P_PID, id_t(processIdentifier), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo == SIGCHLD { return }
            usleep(5000)
        }
    }
}
