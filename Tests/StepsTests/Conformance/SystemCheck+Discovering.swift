import StepKit
import Testing

extension SystemCheck {
    /// What every discovering system promises, to who has no step.
    static let discovering: [SystemCheck] = [
        SystemCheck("what is there is listed by its type", [.discovering]) { bench in
            let found = try await bench.open(as: (any Discovering).self).discover(bench.opening)
            #expect(found.isEmpty != bench.sample.isDiscovered)
            #expect(found.allSatisfy { $0.identity.hasPrefix(bench.type + ":") && !$0.summary.isEmpty }, "\(found)")
            #expect(Set(found.map(\.identity)).count == found.count, "\(found)")
        }
    ]
}
