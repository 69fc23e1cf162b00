import Basics
import Foundation
import StorageKit

/// How the machine's `ssh` is told to open the subsystem. Passwords are none of its ways: nobody is there to type one.
struct SFTPCommand: Sendable {
    var host: String
    var port: Int?
    var user: String?
    var identityFile: String?
    var knownHosts: String?
    var timeout: TimeSpan

    var words: [String] {
        var words = [
            "/usr/bin/env", "ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR", "-o",
            "ForwardAgent=no",
            "-o", "ForwardX11=no", "-o", "PermitLocalCommand=no", "-o", "ClearAllForwardings=yes", "-o",
            "ConnectTimeout=\(max(min(timeout.milliseconds / 1000, 30), 1))", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4",
        ]
        if let knownHosts { words += ["-o", "UserKnownHostsFile=\(knownHosts)"] }
        if let identityFile { words += ["-o", "IdentitiesOnly=yes", "-i", identityFile] }
        if let port { words += ["-p", "\(port)"] }
        if let user { words += ["-l", user] }
        return words + ["-s", "--", host, "sftp"]
    }

    /// What ssh may look at: the user's own configuration and agent, by where his home is.
    private static var environment: [String: String] {
        let own = ProcessInfo.processInfo.environment
        return ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "LANG"].reduce(into: ["LC_ALL": "C"]) { $0[$1] = own[$1] }
    }

    func connect(_ location: String) throws(StorageError) -> SFTPSession {
        try SFTPSession(words, environment: Self.environment, timeout: timeout, location: location)
    }
}
