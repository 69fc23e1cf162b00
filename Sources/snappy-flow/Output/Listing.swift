import ArgumentParser
import Basics

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, yaml
}

struct OutputOptions: ParsableArguments {
    @Option(name: .long, help: "Output format: table, json or yaml.")
    var output: OutputFormat = .table
}

extension OutputOptions {
    /// One thing: as text for people, or in full for programs.
    func print(_ value: JSONValue, orText text: @autoclosure () -> String) {
        switch output {
        case .table: snappy_flow.print(text())
        case .json: snappy_flow.print(value.prettyText)
        case .yaml: snappy_flow.print(value.yamlText)
        }
    }
}

/// Rows of named columns, printed as an aligned table, or as JSON or YAML with every field.
struct Listing {
    /// Column titles in order.
    var columns: [String]
    /// One line of cells a row, as many as columns.
    var rows: [[String]]
    /// The same rows in full for programs.
    var values: [JSONValue]

    init(columns: [String]) {
        self.columns = columns
        rows = []
        values = []
    }

    mutating func add(_ cells: [String], _ value: JSONValue) {
        rows.append(cells.map(\.printable))
        values.append(value)
    }

    func text(_ format: OutputFormat) -> String {
        switch format {
        case .table: table
        case .json: JSONValue.array(values).prettyText
        case .yaml: JSONValue.array(values).yamlText
        }
    }

    private var table: String {
        guard !rows.isEmpty else { return "" }
        let widths = columns.indices.map { column in
            max(columns[column].count, rows.map { $0[column].count }.max() ?? 0)
        }
        func line(_ cells: [String]) -> String {
            var text = ""
            for (index, cell) in cells.enumerated() {
                text += index == cells.count - 1 ? cell : cell.padded(to: widths[index]) + "  "
            }
            return text
        }
        return ([line(columns.map { $0.uppercased() })] + rows.map(line)).joined(separator: "\n")
    }
}

extension String {
    /// At least `width` characters, filled with spaces at the end.
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }
}
