import Basics
import Testing

@Suite struct ErrorKindTests {
    @Test(arguments: ErrorKind.allCases) func aWordIsKebabCase(_ kind: ErrorKind) {
        #expect(kind.rawValue.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
        #expect(ErrorKind(word: kind.rawValue) == kind)
    }

    /// Also those that differ in their hyphens only are the same word to who reads them.
    @Test func everyWordIsUnique() {
        let words = ErrorKind.allCases.map { $0.rawValue.filter { $0 != "-" } }
        #expect(Set(words).count == words.count)
    }

    @Test(arguments: ErrorKind.allCases) func everyKindIsAFailureToScriptsAndToTheAPI(_ kind: ErrorKind) {
        let statuses = kind.statuses
        #expect(statuses.exit != .succeeded && statuses.exit != .partial)
        #expect((400..<600).contains(statuses.http))
    }

    @Test(arguments: [
        (ErrorKind.invalidSetting, CommandStatus.usage), (.damaged, .damaged), (.missingPack, .damaged), (.verification, .damaged),
        (.locked, .locked), (.wrongPassword, .wrongPassword), (.notARepository, .noRepository), (.schemaTooNew, .outdated),
        (.connectionLost, .databaseUnavailable), (.databaseAway, .databaseUnavailable), (.noSpace, .failed),
    ])
    func scriptsRelyOnTheirExitStatus(_ kind: ErrorKind, _ status: CommandStatus) {
        #expect(kind.statuses.exit == status)
    }

    @Test func formerWordsAreStillRead() {
        #expect(ErrorKind(word: "noSpace") == .noSpace)
        #expect(ErrorKind(word: "accessDenied") == .accessDenied)
        #expect(ErrorKind(word: "notFound") == .notFound)
        #expect(ErrorKind(word: "a-word-of-tomorrow") == .failed)
    }
}
