import Crypto
import Basics
import Foundation
import StorageKit

/// An object under `keys/`: the master key, sealed under a password (restic design document, "Keys").
struct KeyFile: Sendable {
    /// Of what is made from now on. A test that is not about passwords asks for less: each key takes a tenth of a second of whoever opens it, restic too.
    @TaskLocal static var cost = Scrypt.standardCost

    var scrypt: Scrypt
    /// The sealed master key.
    var data: [UInt8]
    /// For people only.
    var created: String
    var username: String
    var hostname: String

    /// Seals `master` under a password and returns the object's bytes; its name is their SHA-256.
    static func encode(_ master: SealKey, password: [UInt8], cost: UInt64, created: GoTime) throws -> [UInt8] {
        let scrypt = Scrypt.make(cost: cost)
        let user = try scrypt.derive(password: password)
        let sealed = master.withParts { encrypt, macK, macR in
            var json = GoJSON()
            json.object { json in
                json.key("mac")
                json.object { json in
                    json.key("k")
                    json.string(Data(macK).base64EncodedString())
                    json.key("r")
                    json.string(Data(macR).base64EncodedString())
                }
                json.key("encrypt")
                json.string(Data(encrypt).base64EncodedString())
            }
            return Sealer(user).seal(json.bytes)
        }
        var json = GoJSON()
        json.object { json in
            json.key("created")
            json.string(created.text)
            json.key("username")
            json.string(NSUserName())
            json.key("hostname")
            json.string(HostName.current)
            json.key("kdf")
            json.string("scrypt")
            json.key("N")
            json.number(scrypt.cost)
            json.key("r")
            json.number(scrypt.blockSize)
            json.key("p")
            json.number(scrypt.parallelism)
            json.key("salt")
            json.string(Data(scrypt.salt).base64EncodedString())
            json.key("data")
            json.string(Data(sealed).base64EncodedString())
        }
        return json.bytes
    }

    init(decoding bytes: [UInt8], at location: String) throws {
        var kdf = ""
        var scrypt = Scrypt(cost: 0, blockSize: 0, parallelism: 0, salt: [])
        var data: [UInt8] = []
        var (created, username, hostname) = ("", "", "")
        try JSONScanner.scan(bytes, at: location) { json in
            try json.object { json, key in
                switch key {
                case "kdf": kdf = try json.string()
                case "N": scrypt.cost = try json.unsigned()
                case "r": scrypt.blockSize = try json.unsigned()
                case "p": scrypt.parallelism = try json.unsigned()
                case "salt": scrypt.salt = try json.base64()
                case "data": data = try json.base64()
                case "created": created = try json.string()
                case "username": username = try json.string()
                case "hostname": hostname = try json.string()
                default: try json.skip()
                }
            }
        }
        guard kdf == "scrypt" else {
            throw RepositoryError(
                .unsupported, expected: "a key file with scrypt", found: "\"\(kdf)\"", at: location, advice: "use a newer snappy-flow")
        }
        self.scrypt = scrypt
        self.data = data
        self.created = created
        self.username = username
        self.hostname = hostname
    }

    /// The master key; nil when the password is not this file's.
    func open(password: [UInt8], at location: String) throws -> SealKey? {
        let user = try DerivedKeys.shared.key(scrypt, password: password)
        guard data.withUnsafeBytes({ Sealer(user).isAuthentic($0) }) else { return nil }
        let plain = try Sealer(user).open(data)
        var (encrypt, macK, macR): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
        try JSONScanner.scan(plain, at: location) { json in
            try json.object { json, key in
                switch key {
                case "encrypt": encrypt = try json.base64()
                case "mac":
                    try json.object { json, key in
                        switch key {
                        case "k": macK = try json.base64()
                        case "r": macR = try json.base64()
                        default: try json.skip()
                        }
                    }
                default: try json.skip()
                }
            }
        }
        guard let key = SealKey(encrypt: encrypt, macK: macK, macR: macR) else {
            throw RepositoryError.damaged(location, expected: "a master key of 32, 16 and 16 bytes", found: "other lengths or zeros")
        }
        return key
    }
}
