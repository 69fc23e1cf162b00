import Glibc

/// Whether who answers is the server that was meant. libpq's own default encrypts where the server likes to, and asks nobody who he is
/// (PostgreSQL manual 34.19.1, table 34.1): whoever is between can be the server.
public enum ServerIdentity {
    /// How TLS is used where nobody says it (`sslmode`).
    public static func defaultMode(host: String) -> String { isThisMachine(host) ? "prefer" : "verify-full" }

    /// Whether a host, or every one of a list, is this machine as it is written: a name that leads here today need not tomorrow.
    public static func isThisMachine(_ host: String) -> Bool {
        host.split(separator: ",").allSatisfy { host in
            if host.hasPrefix("/") || host.hasPrefix("@") || host.lowercased() == "localhost" { return true }
            var bytes = [UInt8](repeating: 0, count: 16)
            if inet_pton(AF_INET, String(host), &bytes) == 1 { return bytes[0] == 127 }
            return inet_pton(AF_INET6, String(host), &bytes) == 1 && bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
        }
    }

    /// What whoever chose a mode should hear of it; nil where the server proves who it is, or need not.
    public static func warning(host: String, mode: String) -> String? {
        guard !isThisMachine(host), mode != "verify-full" else { return nil }
        let lack =
            mode == "verify-ca"
            ? "any server with a certificate of the same authority is taken for it"
            : "nobody checks who answers, and whoever is between can be the server"
        return
            "THE IDENTITY OF THE SERVER \(host) IS NOT VERIFIED (sslmode \(mode)): \(lack); choose verify-full and name the certificates that vouch for it"
    }
}

extension ConnectionSettings {
    /// What whoever chose it should hear of an address whose server need not prove who it is.
    public var identityWarning: String? {
        guard let mode = declaredMode, let places else { return nil }
        return ServerIdentity.warning(host: places, mode: mode)
    }

    var declaredMode: String? { keyword("sslmode") }

    /// The mode that is added where none is declared.
    var addedMode: String? { declaredMode == nil ? places.map { ServerIdentity.defaultMode(host: $0) } : nil }

    /// Every host and address that is said: libpq connects to `hostaddr` where there is one, and compares the certificate with `host` (PostgreSQL
    /// manual 34.1.2). It is this machine where all of them are.
    private var places: String? {
        let said = [keyword("host"), keyword("hostaddr")].compactMap { $0 }
        return said.isEmpty ? nil : said.joined(separator: ",")
    }
}
