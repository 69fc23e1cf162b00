import Foundation

/// What was waited for did not come. The place is the wait's own.
public struct NotInTime: Error, CustomStringConvertible {
    public let what: String
    public let place: String
    public var description: String { "\(place): not in time: \(what)" }
}

/// The one wait of the tests for what says nothing by itself: it happens in another process, or on a thread that nobody is told of. Asks until the
/// condition holds, and fails the test when it does not within `limit`, which is generous: it is there to end a test that is broken, and a
/// machine that is busy takes its time.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), every pace: Duration = .milliseconds(10),
    isolation: isolated (any Actor)? = #isolation,
    file: StaticString = #fileID, line: UInt = #line, _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NotInTime(what: what, place: "\(file):\(line)") }
        try await Task.sleep(for: pace)
    }
}

/// The same for tests that have a thread of their own and block it.
public func waitUntil(
    _ what: String, seconds: Double = 60, file: StaticString = #fileID, line: UInt = #line, _ condition: () throws -> Bool
) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while try !condition() {
        guard ContinuousClock.now < end else { throw NotInTime(what: what, place: "\(file):\(line)") }
        usleep(20_000)
    }
}
