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
            let mark = source.mark(ofByte: position)
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
        // A plain `${x}` ends at `{` inside of `{}` and `[]`, which libyaml reports in its own way, here or a line further. Where the
        // collection began, it says too.
        let begin = Int(parser.context_mark.line) + 1
        for first in Set([begin, mark.line]).sorted() {
            let lines = (first...min(max(mark.line, first), first + linesLookedAt)).map(source.line)
            guard let place = unquotedExpression(in: lines) else { continue }
            return YAMLProblem(
                code: "unquoted-expression", message: "an expression inside {} or [] has to be quoted", expected: "\"${...}\"",
                found: "${ without quotes", hint: "write it as \"${...}\"",
                mark: SourceMark(line: first + place.line, column: place.column))
        }
        return YAMLProblem(
            code: "yaml-syntax", message: "YAML can't be read: \(words)" + (context.map { ", \($0)" } ?? ""), mark: mark)
    }

    private static let linesLookedAt = 1000

    /// Where a `${` stands in a flow collection that begins in these lines, and outside of quotes and comments: the line, 0-based, and the
    /// column, 1-based.
    static func unquotedExpression(in lines: [String]) -> (line: Int, column: Int)? {
        var quote: Character?
        var depth = 0
        for (number, line) in lines.enumerated() {
            var previous: Character = " "
            let characters = Array(line)
            for (index, character) in characters.enumerated() {
                if let open = quote {
                    if character == open, !(open == "\"" && previous == "\\") { quote = nil }
                } else if character == "#", previous.isWhitespace {
                    break
                } else if (character == "\"" || character == "'"), " [{,:".contains(previous) {
                    quote = character
                } else if character == "$", index + 1 < characters.count, characters[index + 1] == "{", depth > 0 {
                    return (number, index + 1)
                } else if "[{".contains(character) {
                    depth += 1
                } else if "]}".contains(character) {
                    depth -= 1
                }
                previous = character
            }
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
