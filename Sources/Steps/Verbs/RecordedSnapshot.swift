import Basics
import StepKit

extension JSONValue {
    /// A system snapshot as a row of the database has it. Systems make names and paths of its key, so one that no step gives is refused: a row may
    /// have been written by others.
    func recordedSnapshot(at location: String) throws -> SystemSnapshot {
        let snapshot = try decoded(as: SystemSnapshot.self)
        try SystemSnapshot.requireKey(snapshot.key, at: location)
        return snapshot
    }
}

extension SystemSnapshot {
    /// The same of what else is named by a key.
    static func requireKey(_ key: String, at location: String) throws(StepError) {
        let letters = key.utf8
        guard (1...64).contains(letters.count), letters.first != UInt8(ascii: "-"), letters.allSatisfy({ Self.isOfKey($0) }) else {
            throw StepError(
                .invalidSetting, expected: "the key of a system snapshot: letters a to z, digits and `-`", found: key, at: location,
                advice: "look who writes the control database; retry the job: it takes the snapshot anew")
        }
    }

    private static func isOfKey(_ letter: UInt8) -> Bool {
        switch letter {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
