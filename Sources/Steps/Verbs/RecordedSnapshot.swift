import Basics
import StepKit

extension JSONValue {
    /// A system snapshot as a row of the database has it. Systems make names and paths of its key, so one that no step gives is refused: a row may
    /// have been written by others.
    func recordedSnapshot(at location: String) throws -> SystemSnapshot {
        let snapshot = try decoded(as: SystemSnapshot.self)
        let letters = snapshot.key.utf8
        guard (1...64).contains(letters.count), letters.first != UInt8(ascii: "-"), letters.allSatisfy({ Self.isOfKey($0) }) else {
            throw StepError(
                .invalidSetting, expected: "the key of a system snapshot: letters a to z, digits and `-`", found: snapshot.key,
                at: location,
                advice: "look who writes the control database; retry the job: it takes the snapshot anew")
        }
        return snapshot
    }

    private static func isOfKey(_ letter: UInt8) -> Bool {
        switch letter {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
