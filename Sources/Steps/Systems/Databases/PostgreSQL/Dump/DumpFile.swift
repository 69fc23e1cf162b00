import StorageKit

/// One file of a copy made of dumps.
enum DumpFile: Sendable {
    /// Roles and tablespaces, as SQL.
    case globals
    /// A database, as an archive of pg_dump.
    case database(String)

    /// `globals.sql`, `orders.dump`; what a file name can't hold is written as `%XX`.
    var name: FileName {
        switch self {
        case .globals: return "globals.sql"
        case .database(let name):
            var text = ""
            for byte in name.utf8 {
                let isPlain = byte != UInt8(ascii: "/") && byte != UInt8(ascii: "%") && byte >= 0x20
                if isPlain {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
                }
            }
            return FileName(bytes: text.unicodeScalars.map { UInt8($0.value) } + Array(".dump".utf8))
        }
    }

    /// Nil for a name that no copy has.
    init?(_ name: FileName) {
        if name == "globals.sql" {
            self = .globals
            return
        }
        let ending = Array(".dump".utf8)
        guard name.bytes.count > ending.count, name.bytes.suffix(ending.count).elementsEqual(ending) else { return nil }
        var rest = name.bytes.dropLast(ending.count)
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), code != 0 else { return nil }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self = .database(text)
    }
}

extension DumpFile: Hashable {
    /// By bytes: names that only look alike are those of two databases.
    static func == (left: DumpFile, right: DumpFile) -> Bool { left.name == right.name }
    func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
