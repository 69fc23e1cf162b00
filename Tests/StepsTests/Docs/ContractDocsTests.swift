import Foundation
import Rigs
import Testing

/// StepKit is what plug-ins are written against: each of its public declarations says what it promises.
@Suite struct ContractDocsTests {
    /// What says all by its name, and initializers that take the parts of a value.
    private static let plain: Set<String> = [
        "<", "description", "debugDescription", "customMirror", "settingType", "settingJSON", "init",
    ]

    @Test func everyPublicDeclarationIsDocumented() throws {
        let root = FlowRig.packageRoot + "/Sources/StepKit"
        let files = (FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? []).filter { $0.hasSuffix(".swift") }
        var count = 0
        for file in files.sorted() {
            let lines = try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8).components(separatedBy: "\n")
            for (number, line) in lines.enumerated() {
                guard
                    let found = line.firstMatch(
                        of: /^\s*public (?:static |mutating |final |indirect )*(let|var|func|init|struct|enum|protocol|class|subscript|actor)\s*([\w<]*)/
                    ), !Self.plain.contains(String(found.1)), !Self.plain.contains(String(found.2))
                else { continue }
                count += 1
                let above = lines[..<number].last { !$0.trimmingCharacters(in: .whitespaces).hasPrefix("@") }
                #expect(above?.contains("///") == true, "Sources/StepKit/\(file):\(number + 1): \(line)")
            }
        }
        #expect(count > 200)
    }
}
