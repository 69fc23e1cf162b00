import Foundation

enum StandardError {
    /// One message with a newline at its end.
    static func write(_ message: String) {
        FileHandle.standardError.write(Data((message + "\n").utf8))
    }
}
