import Foundation

enum StandardError {
    /// One message with a newline at its end. Where it can't be written nobody can be told: whoever speaks goes on.
    static func write(_ message: String) {
        try? FileHandle.standardError.write(contentsOf: Data((message + "\n").utf8))
    }
}
