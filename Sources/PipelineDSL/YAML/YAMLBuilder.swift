import CLibYAML

/// Puts events together: a stack of open collections instead of recursion, so that depth is a number to check and not the thread's stack.
struct YAMLBuilder {
    let source: SourceText
    private(set) var documents: [YAMLNode] = []
    private(set) var duplicates: [YAMLProblem] = []
    private(set) var isFinished = false
    private var open: [OpenCollection] = []
    private var anchors: [String: Anchored] = [:]
    private var nodes = 0

    private struct Anchored {
        var node: YAMLNode
        /// Nodes in it, aliases counted as what they stand for.
        var size: Int
        /// Levels of collections in it, those of aliases included: 0 for a scalar.
        var height: Int
    }

    private struct OpenCollection {
        var isMapping: Bool
        var mark: SourceMark
        var isFlow: Bool
        var anchor: String?
        var elements: [YAMLNode] = []
        var entries: [YAMLEntry] = []
        var key: YAMLNode?
        /// Where each key was first written.
        var keys: [String: SourceMark] = [:]
        /// Nodes counted before it.
        var start: Int
        /// The highest of what is in it.
        var height = 0
    }

    init(source: SourceText) { self.source = source }

    mutating func take(_ event: yaml_event_t) throws(YAMLProblem) {
        let mark = SourceMark(line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
        switch event.type {
        case YAML_STREAM_END_EVENT:
            isFinished = true
        case YAML_DOCUMENT_START_EVENT:
            anchors = [:]
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            guard scalar.length <= YAMLLimits.scalarBytes else {
                throw YAMLProblem(
                    code: "too-large", message: "a value is too long", expected: "at most \(YAMLLimits.scalarBytes >> 20) MiB",
                    found: "\(scalar.length >> 20) MiB", mark: mark)
            }
            if let tag = scalar.tag { try refuseTag(tag, mark) }
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let node = YAMLNode(
                content: .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), mark: mark, isFlow: open.last?.isFlow ?? false)
            try count(1, mark)
            try add(node, anchor: scalar.anchor.map { String(cString: $0) }, size: 1, height: 0)
        case YAML_SEQUENCE_START_EVENT:
            let sequence = event.data.sequence_start
            if let tag = sequence.tag { try refuseTag(tag, mark) }
            try push(isMapping: false, mark, isFlow: sequence.style == YAML_FLOW_SEQUENCE_STYLE, sequence.anchor)
        case YAML_MAPPING_START_EVENT:
            let mapping = event.data.mapping_start
            if let tag = mapping.tag { try refuseTag(tag, mark) }
            try push(isMapping: true, mark, isFlow: mapping.style == YAML_FLOW_MAPPING_STYLE, mapping.anchor)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            try pop()
        case YAML_ALIAS_EVENT:
            let name = event.data.alias.anchor.map { String(cString: $0) } ?? ""
            guard let anchored = anchors[name] else {
                throw YAMLProblem(
                    code: "unknown-anchor", message: "nothing is named &\(name)", expected: "an anchor above this line", found: "*\(name)",
                    mark: mark)
            }
            try count(anchored.size, mark)
            // Aliases of aliases could be deeper than anything that was ever open at once.
            try checkDepth(open.count + anchored.height, mark)
            var node = anchored.node
            node.mark = mark
            try add(node, anchor: nil, size: anchored.size, height: anchored.height)
        default:
            break
        }
    }

    private mutating func push(isMapping: Bool, _ mark: SourceMark, isFlow: Bool, _ anchor: UnsafeMutablePointer<yaml_char_t>?)
        throws(YAMLProblem)
    {
        try checkDepth(open.count + 1, mark)
        let start = nodes
        try count(1, mark)
        open.append(
            OpenCollection(isMapping: isMapping, mark: mark, isFlow: isFlow, anchor: anchor.map { String(cString: $0) }, start: start))
    }

    private mutating func pop() throws(YAMLProblem) {
        guard let ended = open.popLast() else { return }
        let content: YAMLNode.Content = ended.isMapping ? .mapping(ended.entries) : .sequence(ended.elements)
        try add(
            YAMLNode(content: content, mark: ended.mark, isFlow: ended.isFlow), anchor: ended.anchor, size: nodes - ended.start,
            height: ended.height + 1)
    }

    private mutating func add(_ node: YAMLNode, anchor: String?, size: Int, height: Int) throws(YAMLProblem) {
        if let anchor { anchors[anchor] = Anchored(node: node, size: size, height: height) }
        guard var parent = open.popLast() else {
            documents.append(node)
            return
        }
        defer { open.append(parent) }
        parent.height = max(parent.height, height)
        guard parent.isMapping else {
            parent.elements.append(node)
            return
        }
        guard let key = parent.key else {
            try checkKey(node)
            parent.key = node
            return
        }
        parent.key = nil
        if let first = parent.keys[key.text] {
            duplicates.append(
                YAMLProblem(
                    code: "duplicate-key", message: "the key `\(key.text)` is written twice", expected: "each key once",
                    found: "the first at line \(first.line), column \(first.column)", hint: "remove one of the two", mark: key.mark))
        } else {
            parent.keys[key.text] = key.mark
            parent.entries.append(YAMLEntry(key: key, value: node))
        }
    }

    private func checkKey(_ node: YAMLNode) throws(YAMLProblem) {
        guard case .scalar(let text, _) = node.content else {
            throw YAMLProblem(
                code: "bad-key", message: "a key has to be a name", expected: "a name before the colon", found: "a list or mapping",
                hint: "an expression in {} or [] has to be quoted: \"${...}\"", mark: node.mark)
        }
        if text == "<<" {
            throw YAMLProblem(
                code: "merge-key", message: "`<<` is not part of YAML 1.2", expected: "the keys written out", found: "a merge key",
                mark: node.mark)
        }
    }

    private func checkDepth(_ levels: Int, _ mark: SourceMark) throws(YAMLProblem) {
        guard levels <= YAMLLimits.depth else {
            throw YAMLProblem(
                code: "too-deep", message: "the document is nested too deeply", expected: "at most \(YAMLLimits.depth) levels",
                found: "more", mark: mark)
        }
    }

    private mutating func count(_ more: Int, _ mark: SourceMark) throws(YAMLProblem) {
        nodes += more
        guard nodes <= YAMLLimits.nodes else {
            throw YAMLProblem(
                code: "too-many-values", message: "the document holds too many values, aliases counted as what they stand for",
                expected: "at most \(YAMLLimits.nodes)", found: "more", mark: mark)
        }
    }

    /// `!!str` and its like say what the core schema says anyway; anything else would need code of ours.
    private func refuseTag(_ tag: UnsafeMutablePointer<yaml_char_t>, _ mark: SourceMark) throws(YAMLProblem) {
        let name = String(cString: tag)
        if name == "!" { return }
        throw YAMLProblem(
            code: "tag", message: "tags are not part of a document", expected: "a value without a tag", found: name,
            hint: "quote what is to be text", mark: mark)
    }
}
