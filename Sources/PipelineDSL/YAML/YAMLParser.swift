import CLibYAML

/// YAML text to nodes: libyaml's events, built up without recursion, under limits.
enum YAMLParser {
    /// One node a document. What is wrong is put into the sink; documents before it are returned.
    static func parse(_ source: SourceText, into sink: inout DiagnosticSink) -> [YAMLNode] {
        guard isReadable(source, into: &sink) else { return [] }
        return source.bytes.withUnsafeBufferPointer { input in
            var parser = yaml_parser_t()
            guard yaml_parser_initialize(&parser) == 1 else {
                sink.error("yaml-memory", "the parser could not get memory", at: SourceMark(line: 1, column: 1), in: source)
                return []
            }
            defer { yaml_parser_delete(&parser) }
            yaml_parser_set_input_string(&parser, input.baseAddress, input.count)
            yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
            var builder = YAMLBuilder(source: source)
            do throws(YAMLProblem) {
                while !builder.isFinished {
                    var event = yaml_event_t()
                    guard yaml_parser_parse(&parser, &event) == 1 else { throw problem(of: parser, in: source) }
                    defer { yaml_event_delete(&event) }
                    try builder.take(event)
                }
            } catch {
                sink.error(
                    error.code, error.message, expected: error.expected, found: error.found, hint: error.hint, at: error.mark, in: source)
            }
            for problem in builder.duplicates {
                sink.error(
                    problem.code, problem.message, expected: problem.expected, found: problem.found, hint: problem.hint, at: problem.mark,
                    in: source)
            }
            return builder.documents
        }
    }

    /// Refuses at once what is no text of a sensible size.
    private static func isReadable(_ source: SourceText, into sink: inout DiagnosticSink) -> Bool {
        let start = SourceMark(line: 1, column: 1)
        guard source.bytes.count <= YAMLLimits.bytes else {
            sink.error(
                "too-large", "the document is too large", expected: "at most \(YAMLLimits.bytes >> 20) MiB",
                found: "\(source.bytes.count >> 20) MiB",
                at: start, in: SourceText(name: source.name, bytes: []))
            return false
        }
        if let position = UTF8Scan.firstInvalid(source.bytes) {
            let before = source.bytes[..<position]
            let line = before.count(where: { $0 == UInt8(ascii: "\n") }) + 1
            let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            let mark = SourceMark(line: line, column: String(decoding: before[lineStart...], as: UTF8.self).count + 1)
            let byte = source.bytes[position]
            sink.error(
                byte == 0 ? "binary" : "not-utf8", byte == 0 ? "the file is binary" : "the text is not UTF-8", expected: "UTF-8 text",
                found: "the byte 0x\(String(byte, radix: 16)) at offset \(position)", hint: "save the file as UTF-8", at: mark, in: source)
            return false
        }
        return true
    }

    private static func problem(of parser: yaml_parser_t, in source: SourceText) -> YAMLProblem {
        let words = parser.problem.map { String(cString: $0) } ?? "it can't be read"
        var mark = SourceMark(line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1)
        let context = parser.context.map { String(cString: $0) }
        if mark.line == 1, mark.column == 1, parser.context_mark.line > 0 {
            mark = SourceMark(line: Int(parser.context_mark.line) + 1, column: Int(parser.context_mark.column) + 1)
        }
        // A plain `${x}` ends at `{` inside of `{}` and `[]`, which libyaml reports in its own way, here or a line further.
        let context_line = Int(parser.context_mark.line) + 1
        for line in Set([mark.line, context_line]).sorted() {
            if let column = unquotedExpression(in: source.line(line)) {
                return YAMLProblem(
                    code: "unquoted-expression", message: "an expression inside {} or [] has to be quoted", expected: "\"${...}\"",
                    found: "${ without quotes", hint: "write it as \"${...}\"", mark: SourceMark(line: line, column: column))
            }
        }
        return YAMLProblem(
            code: "yaml-syntax", message: "YAML can't be read: \(words)" + (context.map { ", \($0)" } ?? ""), mark: mark)
    }

    /// The column of a `${` that stands in a flow collection and outside of quotes.
    static func unquotedExpression(in line: String) -> Int? {
        var quote: Character?
        var depth = 0
        var previous: Character = " "
        let characters = Array(line)
        for (index, character) in characters.enumerated() {
            if let open = quote {
                if character == open, !(open == "\"" && previous == "\\") { quote = nil }
            } else if (character == "\"" || character == "'"), " [{,:".contains(previous) {
                quote = character
            } else if character == "$", index + 1 < characters.count, characters[index + 1] == "{", depth > 0 {
                return index + 1
            } else if "[{".contains(character) {
                depth += 1
            } else if "]}".contains(character) {
                depth -= 1
            }
            previous = character
        }
        return nil
    }
}

/// What ends the reading of a file.
struct YAMLProblem: Error {
    var code: String
    var message: String
    var expected = ""
    var found = ""
    var hint = ""
    var mark: SourceMark
}
