import Foundation

struct WaitedTooLong: Error, CustomStringConvertible {
    var description: String
}

/// Asks again and again until the condition holds: what is waited for happens in another process, which says nothing by itself.
func waitUntil(_ what: String, seconds: Double = 60, _ condition: () throws -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
        if try condition() { return }
        Thread.sleep(forTimeInterval: 0.05)
    }
    throw WaitedTooLong(description: "\(what): not within \(seconds) s")
}
