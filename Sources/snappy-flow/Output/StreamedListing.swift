import Basics
import Foundation

/// Rows that are printed as they are found, whatever their number: lines of cells, or one JSON or YAML list.
struct StreamedListing {
    private let format: OutputFormat
    private var isEmpty = true

    init(_ format: OutputFormat) { self.format = format }

    /// `line` is the row for people; one line, whatever is in it.
    mutating func add(_ row: @autoclosure () -> JSONValue, orLine line: @autoclosure () -> String) {
        switch format {
        case .table: print(TerminalText.line(line()))
        case .json: print((isEmpty ? "[\n" : ",\n") + row().canonicalText.printableJSON, terminator: "")
        case .yaml: print(JSONValue.array([row()]).yamlText)
        }
        isEmpty = false
    }

    /// Call it once, after the last row.
    func end() {
        switch format {
        case .table: break
        case .json: print(isEmpty ? "[]" : "\n]")
        case .yaml: if isEmpty { print("[]") }
        }
    }
}
