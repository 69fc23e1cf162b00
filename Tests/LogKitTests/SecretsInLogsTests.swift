import Basics
import Foundation
import HTTPClient
import Logging
import PostgreSQL
import Rigs
import StepKit
import Testing

@testable import LogKit

/// What holds a secret shows it in no way that Swift has of showing things.
@Suite struct SecretsInLogsTests {
    private static let marker = "marker-of-the-secret"

    private static let secret = Secret(bytes: Array(marker.utf8))

    @Test func aSecretShowsNothing() {
        #expect(!printed(Self.secret).contains(Self.marker) && printed(Self.secret).contains("<redacted>"))
        #expect(!(Self.secret as Any is any Encodable), "nor can it be stored")
        // Bytes would be numbers.
        #expect(!printed(Self.secret).contains("\(Array(Self.marker.utf8)[0])"))
    }

    @Test func aDatabasesAddressShowsNoPassword() throws {
        let addresses = [
            "postgresql://anna:\(Self.marker)@db1:5432/orders", "host=db1 dbname=orders user=anna password=\(Self.marker)",
            "postgresql://db1/orders?user=anna&password=\(Self.marker)",
        ]
        for address in addresses {
            let text = printed(try ConnectionSettings(parsing: address))
            #expect(text.contains("orders") && !text.contains(Self.marker), "\(text)")
        }
        // Nor does the error of one that can't be read.
        let error = #expect(throws: PostgreSQLError.self) {
            _ = try ConnectionSettings(parsing: "postgresql://anna:\(Self.marker)%zz@db1/orders")
        }
        #expect(!printed(error as Any).contains(Self.marker))
    }

    @Test func aRequestShowsItsPlaceAlone() {
        let request = HTTPRequest(
            url: "https://anna:\(Self.marker)@host/path?token=\(Self.marker)#\(Self.marker)",
            headers: [("Authorization", "Bearer \(Self.marker)"), ("X-Auth-Token", Self.marker)], body: Array(Self.marker.utf8),
            proxy: "http://anna:\(Self.marker)@proxy:3128")
        let text = printed(request)
        #expect(text.contains("GET https://host/path"))
        #expect(!text.contains(Self.marker) && !text.contains("\(Array(Self.marker.utf8))"), "\(text)")
    }

    @Test(arguments: LogFormat.allCases) func noneGetsIntoALine(_ format: LogFormat) throws {
        let pipe = Pipe()
        let output = LogOutput(
            LogSettings(format: format, level: .trace),
            StandardErrorWriter(format: format, isJournal: false, descriptor: pipe.fileHandleForWriting.fileDescriptor))
        var log = Logger(label: "test", factory: { output.handler($0) })
        let settings = try ConnectionSettings(parsing: "postgresql://anna:\(Self.marker)@db1/orders")
        log[metadataKey: "own"] = .stringConvertible(Self.secret)
        log.info(
            "message \(Self.secret) \(settings)",
            metadata: [
                "text": "\(Self.secret)", "list": ["\(Self.secret)", .stringConvertible(settings)],
                "map": ["in": .stringConvertible(Self.secret)],
            ])
        struct Failure: Error { var password = SecretsInLogsTests.secret }
        log.warning("failed", error: Failure())
        output.flush()
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(text.split(separator: "\n").count == 2 && text.contains("<redacted>") && !text.contains(Self.marker), "\(text)")
    }
}
