import Basics
import StepKit
import Testing

@testable import Steps

/// Scripts of pg_dumpall, and what somebody may have made of one.
@Suite struct GlobalsScriptTests {
    private static let head = """
        --
        -- PostgreSQL database cluster dump
        --

        \\restrict abc

        SET default_transaction_read_only = off;

        SET client_encoding = 'UTF8';
        SET standard_conforming_strings = on;

        --
        -- Roles
        --

        CREATE ROLE mallory;
        ALTER ROLE mallory WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'md5x';

        """

    private func read(_ text: String) throws -> Globals { try GlobalsScript.read(Array((Self.head + text).utf8), origin: "globals.sql") }

    @Test func whatVersionsWriteIsRead() throws {
        // 16 and newer give options of a membership; 15 and newer privileges on settings; 13 writes no heading for settings.
        let globals = try read(
            """
            CREATE ROLE "With";
            ALTER ROLE "With" WITH NOSUPERUSER NOINHERIT CREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 0 VALID UNTIL 'infinity';
            COMMENT ON ROLE "With" IS E'a\\\\b\\nc\\x41\\u00e9''';
            SECURITY LABEL FOR selinux ON ROLE "With" IS 'x';
            ALTER ROLE mallory SET "TimeZone" TO 'UTC';
            """
                + """

                --
                -- Role memberships
                --

                GRANT mallory TO "With" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE GRANTED BY postgres;
                GRANT "With" TO mallory WITH INHERIT TRUE GRANTED BY postgres;

                --
                -- Role privileges on configuration parameters
                --

                GRANT SET,ALTER SYSTEM ON PARAMETER "shop.x" TO mallory WITH GRANT OPTION;

                --
                -- Tablespaces
                --

                CREATE TABLESPACE t OWNER mallory LOCATION '/a''b; \\q';
                ALTER TABLESPACE t SET (random_page_cost=1.5, seq_page_cost=2);
                SET SESSION AUTHORIZATION mallory;
                GRANT ALL ON TABLESPACE t TO PUBLIC;
                RESET SESSION AUTHORIZATION;
                REVOKE ALL ON TABLESPACE t FROM mallory;
                /* a /* nested */ comment; */ COMMENT ON TABLESPACE t IS $x$a$$;b$x$;

                \\unrestrict abc
                """)
        #expect(globals.roles.map(\.name) == ["mallory", "With"])
        #expect(globals.roles[0].password == "md5x" && globals.roles[0].settings == [Globals.Setting(name: "TimeZone", values: ["UTC"])])
        #expect(
            globals.roles[1].comment == "a\\b\ncAé'" && globals.roles[1].connectionLimit == 0 && globals.roles[1].validUntil == "infinity")
        #expect(globals.roles[1].attributes[.createRole] == true && globals.roles[1].attributes[.inherit] == false)
        #expect(
            globals.memberships == [
                Globals.Membership(role: "mallory", member: "With", admin: true, inherit: false, set: false),
                Globals.Membership(role: "With", member: "mallory", inherit: true),
            ])
        #expect(globals.parameterGrants.map(\.grant.privileges) == [["SET", "ALTER SYSTEM"]])
        #expect(globals.tablespaces.map(\.location) == ["/a'b; \\q"] && globals.tablespaces[0].comment == "a$$;b")
        #expect(globals.tablespaces[0].grants.map(\.isGiven) == [true, false])
        #expect(globals.labels.map(\.provider) == ["selinux"])
    }

    @Test(arguments: [
        // What old programs make of a role's name with a line end, in a comment: with and without what hides it.
        "--\n-- User Configurations\n--\n\n--\n-- User Config \"x\nALTER ROLE mallory WITH SUPERUSER;\n-- \"\n--\n\nALTER ROLE mallory SET work_mem TO '1MB';",
        "--\n-- User Config \"x\n--\n-- Roles\n--\nCREATE ROLE y;\nALTER ROLE y WITH SUPERUSER;\n\"\n--\nALTER ROLE mallory SET work_mem TO '1MB';",
        "--\n-- User Config \"x\nGRANT postgres TO mallory;\n-- \"\n--\n\nALTER ROLE mallory SET work_mem TO '1MB';",
        // Said twice.
        "ALTER ROLE mallory WITH SUPERUSER;", "CREATE ROLE mallory;",
        // Not what it writes.
        "ALTER USER mallory SUPERUSER;", "ALTER ROLE mallory SUPERUSER;", "DO 'begin end';", "SELECT 1;", "DROP ROLE postgres;",
        "ALTER ROLE mallory RENAME TO x;", "ALTER ROLE ALL SET work_mem TO '1MB';", "GRANT mallory, postgres TO mallory;",
        "SET role = postgres;",
        "CREATE ROLE x SUPERUSER;", "CREATE TABLESPACE t LOCATION '/x';", "COPY t FROM PROGRAM 'id';", "COPY t FROM stdin;\n\\.\n",
        "ALTER SYSTEM SET archive_command TO 'id';", "SET client_encoding = 'LATIN1';", "ALTER ROLE nobody SET work_mem TO '1MB';",
        // For psql.
        "\\! id", "\\i /etc/passwd", "\\connect other", "CREATE ROLE x \\! id\n;", "CREATE ROLE x; \\gexec",
        // Without an end, or not read alike everywhere.
        "CREATE ROLE x", "COMMENT ON ROLE mallory IS 'x;", "CREATE ROLE \"x;", "/* CREATE ROLE x;", "CREATE ROLE U&\"\\0061\";",
        "COMMENT ON ROLE mallory IS 'a' 'b';", "COMMENT ON ROLE mallory IS $a$b$c$;", "CREATE ROLE :x;", "CREATE ROLE x\u{0};",
    ])
    func whatItDoesNotWriteIsRefused(_ text: String) throws {
        let error = #expect(throws: StepError.self) { _ = try read(text) }
        #expect(error?.code == "globals-refused" && error?.location.hasPrefix("globals.sql, line ") == true)
    }

    @Test func backslashesAreReadAsTheScriptSays() throws {
        let plain = try read("COMMENT ON ROLE mallory IS 'a\\';\n--';")
        #expect(plain.roles[0].comment == "a\\")
        let old = try read("SET standard_conforming_strings = off;\nCOMMENT ON ROLE mallory IS 'a\\';\n--';")
        #expect(old.roles[0].comment == "a';\n--")
        let escaped = try read("COMMENT ON ROLE mallory IS E'a\\';\n--';")
        #expect(escaped.roles[0].comment == "a';\n--")
    }

    @Test func noPasswordIsInAnError() {
        let error = #expect(throws: StepError.self) { _ = try read("ALTER ROLE x PASSWORD 'md5secret' \\q") }
        #expect(error.map { !"\($0)".contains("md5secret") } == true)
        let other = #expect(throws: StepError.self) { _ = try read("ALTER ROLE x PASSWORD 'md5secret';") }
        #expect(other.map { !"\($0)".contains("md5secret") } == true)
    }
}
