import Crypto
import Basics

/// The object `config`: what never changes about a repository.
struct Config: Sendable {
    var version: UInt32
    /// The repository's id, 64 hex digits.
    var id: String
    var polynomial: Polynomial

    static let name = "config"

    var encoded: [UInt8] {
        var json = GoJSON()
        json.object { json in
            json.key("version")
            json.number(version)
            json.key("id")
            json.string(id)
            json.key("chunker_polynomial")
            json.string(polynomial.hex)
        }
        return json.bytes
    }

    init(version: UInt32, id: String, polynomial: Polynomial) {
        self.version = version
        self.id = id
        self.polynomial = polynomial
    }

    init(decoding bytes: [UInt8], at location: String) throws {
        var version: UInt32 = 0
        var id = ""
        var polynomial = ""
        try JSONScanner.scan(bytes, at: "\(location)/config") { json in
            try json.object { json, key in
                switch key {
                case "version": version = try json.unsigned()
                case "id": id = try json.string()
                case "chunker_polynomial": polynomial = try json.string()
                default: try json.skip()
                }
            }
        }
        guard version == 1 || version == 2 else {
            throw RepositoryError(
                .unsupported, expected: "repository format version 1 or 2", found: "version \(version)", at: "\(location)/config",
                advice: "use a newer snappy-flow")
        }
        guard let parsed = Polynomial(hex: polynomial), parsed.degree == RabinTables.degree, parsed.isIrreducible else {
            throw RepositoryError.damaged(
                "\(location)/config", expected: "an irreducible chunker polynomial of degree \(RabinTables.degree)", found: polynomial)
        }
        self.init(version: version, id: id, polynomial: parsed)
    }
}
