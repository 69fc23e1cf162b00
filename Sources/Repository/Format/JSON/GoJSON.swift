import Crypto

/// Writes JSON byte for byte as Go's encoding/json does with HTML escaping on: trees are named by the hash of these bytes.
struct GoJSON {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    mutating func object(_ members: (inout GoJSON) -> Void) { enclosed("{", "}", members) }
    mutating func array(_ elements: (inout GoJSON) -> Void) { enclosed("[", "]", elements) }

    private mutating func enclosed(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout GoJSON) -> Void) {
        separate()
        bytes.append(UInt8(ascii: open))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// A member's name; its value follows.
    mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func null() { raw("null") }
    mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }
    mutating func number(_ value: some BinaryInteger) { raw(String(value)) }

    /// Text that is JSON already.
    mutating func raw(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    mutating func digest(_ digest: SHA256Digest) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: digest.hexBytes)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string($0) }
    }

    mutating func string(_ text: [UInt8]) { text.withUnsafeBufferPointer { string($0) } }

    /// Invalid UTF-8 becomes `\ufffd`, byte by byte. `\b` and `\f` are short as in Go 1.22 and later.
    private mutating func string(_ text: UnsafeBufferPointer<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        if text.allSatisfy(Self.isPlain) {
            bytes.append(contentsOf: text)
        } else {
            var decoder = UTF8Decoder(text)
            while let part = decoder.next() { append(part) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C && byte != 0x3C && byte != 0x3E && byte != 0x26
    }

    private mutating func append(_ part: UTF8Decoder.Part) {
        guard case .scalar(let scalar) = part else {
            bytes.append(contentsOf: "\\ufffd".utf8)
            return
        }
        switch scalar {
        case "\"": bytes.append(contentsOf: "\\\"".utf8)
        case "\\": bytes.append(contentsOf: "\\\\".utf8)
        case "\n": bytes.append(contentsOf: "\\n".utf8)
        case "\r": bytes.append(contentsOf: "\\r".utf8)
        case "\t": bytes.append(contentsOf: "\\t".utf8)
        case "\u{08}": bytes.append(contentsOf: "\\b".utf8)
        case "\u{0C}": bytes.append(contentsOf: "\\f".utf8)
        case "\u{00}"..."\u{1F}", "<", ">", "&", "\u{2028}", "\u{2029}":
            let hex = String(scalar.value, radix: 16)
            bytes.append(contentsOf: "\\u".utf8)
            for _ in hex.utf8.count..<4 { bytes.append(UInt8(ascii: "0")) }
            bytes.append(contentsOf: hex.utf8)
        default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }
}
