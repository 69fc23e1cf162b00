/// Text that a terminal shows and does not obey. What stands in repositories, rows and messages of other programs may hold anything: escape sequences, the
/// same in one character (C1), a carriage return over what was said before, marks that turn the rest of a line round.
extension String {
    /// The same in one line, with what a terminal would obey or not show as `\u{1b}`.
    public var printable: String { escaped { $0.isUnprintable ? "\\u{\(String($0.value, radix: 16))}" : nil } }

    /// The same lines; a tab stays one, too.
    public var printableLines: String {
        escaped { $0.isUnprintable && $0 != "\n" && $0 != "\t" ? "\\u{\(String($0.value, radix: 16))}" : nil }
    }

    /// JSON's text with the same in JSON's own spelling (RFC 8259, section 7): whoever reads it gets what was there.
    public var printableJSON: String {
        escaped { scalar in
            guard scalar.isUnprintable, scalar != "\n" else { return nil }
            return String(scalar).utf16.map { "\\u" + $0.digits(4) }.joined()
        }
    }

    /// YAML's, where its scalars are JSON's: YAML has no pairs of surrogates, but spells each character whole.
    public var printableYAML: String {
        escaped { scalar in
            guard scalar.isUnprintable, scalar != "\n" else { return nil }
            return scalar.value > 0xFFFF ? "\\U" + scalar.value.digits(8) : "\\u" + scalar.value.digits(4)
        }
    }

    /// `spelled`: nil for what stays.
    private func escaped(_ spelled: (Unicode.Scalar) -> String?) -> String {
        // Nearly all text is plain: looked at by the byte.
        guard utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else { return self }
        var text = ""
        text.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            if let spelling = spelled(scalar) { text += spelling } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}

extension Sequence<UInt8> {
    /// A name's bytes for people, in one line: as `ls -b` does it, a backslash is two, so that what is shown says exactly which name it is.
    /// What is no UTF-8 is `\x9b`.
    public var printableName: String {
        let bytes = Array(self)
        var text = ""
        var rest = bytes[...]
        while let first = rest.first {
            // The shortest beginning that is one character.
            let length = (1...4).first { rest.count >= $0 && String(validating: rest.prefix($0), as: UTF8.self) != nil }
            if let length {
                let character = String(decoding: rest.prefix(length), as: UTF8.self)
                text += character == "\\" ? "\\\\" : character.printable
            } else {
                text += "\\x" + first.digits(2)
            }
            rest = rest.dropFirst(length ?? 1)
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Controls, and what is not seen but changes how the rest looks. The joiners of words and of pictures of people stay.
    public var isUnprintable: Bool {
        if value < 0x7F { return value < 0x20 }
        return switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: !(0x200C...0x200D).contains(value) && value != 0xAD
        default: false
        }
    }
}

extension FixedWidthInteger {
    /// Hexadecimal, filled with zeros.
    fileprivate func digits(_ count: Int) -> String {
        let text = String(self, radix: 16)
        return String(repeating: "0", count: Swift.max(count - text.count, 0)) + text
    }
}
