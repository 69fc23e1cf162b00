import Testing

@testable import Steps

/// What an archive says of its database, and what somebody may have made of that.
@Suite struct DatabaseStatementTests {
    private func read(_ text: String) throws -> DatabaseStatement? {
        var lexer = ScriptLexer(Array(text.utf8))
        guard case .statement(let statement)? = try lexer.next() else { return nil }
        return DatabaseStatement(statement, of: "a \"b")
    }

    @Test func whatPgDumpWritesIsRead() throws {
        #expect(try read("ALTER DATABASE \"a \"\"b\" CONNECTION LIMIT = 7;") == .connectionLimit(7))
        #expect(try read("ALTER DATABASE \"a \"\"b\" IS_TEMPLATE = true;") == .isTemplate(true))
        #expect(
            try read("ALTER DATABASE \"a \"\"b\" SET search_path TO 'a b', E'x\\n';")
                == .setting(Globals.Setting(name: "search_path", values: ["a b", "x\n"])))
        #expect(
            try read("ALTER ROLE \"r s\" IN DATABASE \"a \"\"b\" SET \"TimeZone\" TO 'UTC';")
                == .roleSetting(DatabaseProperties.RoleSetting(role: "r s", setting: Globals.Setting(name: "TimeZone", values: ["UTC"]))))
        #expect(try read("COMMENT ON DATABASE \"a \"\"b\" IS $$x';$$;") == .comment("x';"))
        #expect(
            try read("SECURITY LABEL FOR selinux ON DATABASE \"a \"\"b\" IS 'x';")
                == .label(DatabaseProperties.Label(provider: "selinux", text: "x")))
        #expect(
            try read("GRANT CREATE,TEMPORARY ON DATABASE \"a \"\"b\" TO \"public\" WITH GRANT OPTION;")
                == .grant(Globals.Grant(isGiven: true, privileges: ["CREATE", "TEMPORARY"], grantee: "public", isGrantable: true)))
        #expect(
            try read("REVOKE ALL ON DATABASE \"a \"\"b\" FROM PUBLIC;")
                == .grant(Globals.Grant(isGiven: false, privileges: ["ALL"], grantee: nil)))
        #expect(try read("SET SESSION AUTHORIZATION 'x';") == .grantor("x"))
        #expect(try read("RESET SESSION AUTHORIZATION;") == .grantor(nil))
    }

    @Test(arguments: [
        // About another one.
        "ALTER DATABASE postgres CONNECTION LIMIT = 0;", "COMMENT ON DATABASE postgres IS 'x';",
        "REVOKE ALL ON DATABASE postgres FROM PUBLIC;",
        "ALTER ROLE postgres IN DATABASE postgres SET role TO 'x';", "GRANT ALL ON DATABASE \"a \"\"b\", postgres TO x;",
        // Not what it writes.
        "ALTER DATABASE \"a \"\"b\" OWNER TO x;", "ALTER DATABASE \"a \"\"b\" RENAME TO x;", "ALTER DATABASE \"a \"\"b\" SET TABLESPACE x;",
        "ALTER DATABASE \"a \"\"b\" CONNECTION LIMIT = -2;", "ALTER DATABASE \"a \"\"b\" CONNECTION LIMIT = 99999999999;",
        "ALTER DATABASE \"a \"\"b\" SET x TO DEFAULT;", "ALTER DATABASE \"a \"\"b\" SET x FROM CURRENT;", "ALTER ROLE x SET role TO 'y';",
        "ALTER ROLE x SUPERUSER;", "GRANT x TO y;", "GRANT ALL ON SCHEMA x TO y;", "GRANT pg_read_all_data TO x;",
        "GRANT SET ON DATABASE \"a \"\"b\" TO x;", "GRANT ALL ON DATABASE \"a \"\"b\" TO x GRANTED BY y;", "SET ROLE x;",
        "SET SESSION AUTHORIZATION x, y;", "UPDATE pg_catalog.pg_database SET datistemplate = false;", "DROP DATABASE x;", "SELECT 1;",
        "COMMENT ON DATABASE \"a \"\"b\" IS NULL;", "COMMENT ON DATABASE \"a \"\"b\" IS 'x' || 'y';",
        "ALTER DATABASE \"a \"\"b\" IS_TEMPLATE = x;",
    ])
    func whatItDoesNotWriteIsNone(_ text: String) throws { #expect(try read(text) == nil) }
}
