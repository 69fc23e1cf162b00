import FlowModel
import PostgreSQL
import Rigs
import Testing

@Suite struct ConnectionTests {
    @Test func everyTypeGoesThereAndBack() async throws {
        let rig = try await PostgreSQLRig.start()
        let connection = try await Connection.connect(rig.settings)
        let instant = Instant(microseconds: 1_795_411_529_123_456)
        let json: JSONValue = ["a": [1, nil, true, "x\"\\ü"]]
        let texts = ["", "a,b", "{", "\"", "\\", "NULL", "é\n"]
        let rows = try await connection.query(
            "SELECT $1::text AS t, $2::bigint AS i, $3::boolean AS b, $4::double precision AS d, $5::jsonb AS j, $6::timestamptz AS at, $7::text[] AS a, $8::text AS n, $9::bytea = '\\x00ff' AS y",
            [.text("héllo"), .int(Int64.min), true, .double(0.1), .json(json), .instant(instant), .texts(texts), nil, .bytes([0, 255])])
        let row = try #require(rows.first)
        #expect(try row.get("t") == "héllo")
        #expect(try row.get("i") == Int64.min)
        #expect(try row.get("b") == true)
        #expect(try row.get("d") == 0.1)
        #expect(try row.get("j") == json)
        #expect(try row.get("at") == instant)
        #expect(try row.get("a") == texts)
        #expect(try row.find("n", as: String.self) == nil)
        #expect(try row.get("y") == true)
    }
}
