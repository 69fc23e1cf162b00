import Foundation

/// restic finds out whether a lock's process lives by sending it a SIGHUP, which would end it.
enum HangUp {
    /// Ignores the signal from now on, unless the program handles it already.
    static let ignored: Void = {
        var action = sigaction()
        guard sigaction(SIGHUP, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { return }
        signal(SIGHUP, SIG_IGN)
    }()
}
