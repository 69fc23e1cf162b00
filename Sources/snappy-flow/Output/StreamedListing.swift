import FlowModel
import Foundation

/// Rows that are printed as they are found, whatever their number: lines of cells, or one JSON or YAML list.
struct StreamedListing {
    private let format: OutputFormat
    private let line: (JSONValue) -> String
    private var isEmpty = true

    /// `line` is a row for people.
    init(_ format: OutputFormat, line: @escaping (JSONValue) -> String) {
        self.format = format
        self.line = line
    }

    mutating func add(_ row: JSONValue) {
        switch format {
        case .table: print(line(row))
        case .json: print((isEmpty ? "[\n" : ",\n") + row.canonicalText, terminator: "")
        case .yaml: print(JSONValue.array([row]).yamlText)
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
