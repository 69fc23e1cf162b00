import Basics
import Expressions
import FlowModel
import StepKit

/// A job's parameters, checked against what the plan declares.
enum ParameterValues {
    /// All of them, defaults filled in. Everything that is wrong is in one error.
    static func complete(
        _ declared: [String: PlannedParameter], given: [String: JSONValue]
    ) throws(Explanation) -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        var expected: [String] = []
        var found: [String] = []
        var advice: [String] = []
        for name in given.keys.sorted() where declared[name] == nil {
            expected.append(declared.isEmpty ? "no parameters" : "one of \(declared.keys.sorted().joined(separator: ", "))")
            found.append(name)
            if let nearest = NearestName.of(name, among: declared.keys) { advice.append("did you mean `\(nearest)`?") }
        }
        for (name, parameter) in declared.sorted(by: { $0.key < $1.key }) {
            guard let type = DocumentKeys.parameterType(parameter.type) else {
                expected.append("\(name): a type that this program knows")
                found.append(parameter.type)
                continue
            }
            guard let value = given[name] ?? parameter.defaultValue else {
                expected.append("\(name): \(type.words)")
                found.append("nothing")
                advice.append("give it with `--parameter \(name)=VALUE`")
                continue
            }
            guard let canonical = canonical(value, type) else {
                expected.append("\(name): \(type.words)")
                found.append(value.canonicalText)
                continue
            }
            values[name] = canonical
        }
        guard expected.isEmpty else {
            throw Explanation(
                .wrongParameter, expected: expected.joined(separator: "; "), found: found.joined(separator: "; "), at: "parameters",
                advice: advice.joined(separator: "; "))
        }
        return values
    }

    /// In its one spelling. A text is read as JSON where a text is not what is wanted: a command line knows texts only.
    private static func canonical(_ value: JSONValue, _ type: SettingType) -> JSONValue? {
        if let scalar = ScalarForm.canonical(value, as: type) { return scalar }
        if ScalarForm.fits(value, type) { return value }
        guard let text = value.stringValue, let parsed = try? JSONValue(parsing: text.utf8), parsed.stringValue == nil else { return nil }
        if let scalar = ScalarForm.canonical(parsed, as: type) { return scalar }
        return ScalarForm.fits(parsed, type) ? parsed : nil
    }
}
