import Basics
import Foundation
import Rigs
import StepKit
import Testing

@testable import Steps

/// A restored tree is another's text: nothing in it has root, or a scratch server, do anything outside of it.
@Suite struct RestoredClusterTests {
    /// A tree that has the looks of a cluster, beside something that is none of its business.
    private struct Place {
        let folder: ScratchFolder
        var tree: String { folder.file("tree") }
        var data: String { tree + "/data" }
        var victim: String { folder.file("outside/victim") }

        init(_ more: String = "") throws {
            folder = try ScratchFolder("cluster")
            try sh(
                """
                mkdir -p tree/data/global tree/data/pg_tblspc tree/data/base outside/ts/PG_15_202209061
                echo 15 >tree/data/PG_VERSION; echo x >tree/data/global/pg_control; echo precious >outside/victim
                """)
            try sh(more)
        }

        func sh(_ script: String) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-ec", script]
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(script)")
        }

        func confine() throws { try #require(try RestoredCluster(in: tree)).confine() }

        func target(_ link: String) -> String? { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(tree)/\(link)") }
        func exists(_ path: String) -> Bool {
            var status = stat()
            return lstat("\(folder.path)/\(path)", &status) == 0
        }
    }

    @Test func aTablespaceIsNamedByDigits() throws {
        for oid in ["../../../outside/victim", "", "12a", "+7", "16400/../x", "99999999999"] {
            let place = try Place("mkdir -p tree/ts/PG_15_202209061; printf '%s /srv/ts\\n' '\(oid)' >tree/data/tablespace_map")
            let error = #expect(throws: StepError.self, "\(oid)") { try place.confine() }
            #expect(error?.kind == .verification, "\(oid)")
            #expect(place.exists("outside/victim"), "\(oid)")
        }
    }

    /// The folders of a live server, as the snapshot of what lies beside them names them.
    @Test func aTablespaceBehindALinkIsNotInTheCopy() throws {
        let link = "ln -s \"$PWD/outside\" tree/link; "
        for map in [
            link + "echo '16400 /srv/link/ts' >tree/data/tablespace_map", link + "ln -s ../../link/ts tree/data/pg_tblspc/16400",
            link + "ln -s \"$PWD/tree/link/ts\" tree/data/pg_tblspc/16400", "ln -s ../../../outside/ts tree/data/pg_tblspc/16400",
            "mkdir -p tree/ts; ln -s ../../outside/ts/PG_15_202209061 tree/ts/; echo '16400 /srv/ts' >tree/data/tablespace_map",
            // The folder of the links is one itself.
            "rmdir tree/data/pg_tblspc; ln -s ../../outside tree/data/pg_tblspc; mkdir -p tree/ts/PG_15_202209061; "
                + "echo '16400 /srv/ts' >tree/data/tablespace_map; echo live >outside/16400",
        ] {
            let place = try Place(map)
            let error = #expect(throws: StepError.self, "\(map)") { try place.confine() }
            #expect(error?.kind == .verification, "\(map)")
            #expect(!map.contains("live") || place.exists("outside/16400"))
        }
    }

    @Test func nothingLeadsOutOfWhatTheServerSees() throws {
        let place = try Place(
            """
            mkdir -p tree/ts/PG_15_202209061/5 tree/kept tree/wal tree/two/PG_15_202209061 tree/old
            echo 'Where it is now: 16400' >tree/note
            printf '16400 /srv/some/ts\\n' >tree/data/tablespace_map; ln -s /srv/some/ts tree/data/pg_tblspc/16400
            ln -s ../../two tree/data/pg_tblspc/16401
            ln -s "$PWD/outside" tree/data/base/5; ln -s ../../kept tree/data/base/6; ln -s ../wal tree/data/pg_wal
            ln -s "$PWD/outside/victim" tree/ts/PG_15_202209061/5/2604; ln -s "$PWD/outside" tree/two/PG_15_202209061/9
            ln -s "$PWD/outside" tree/kept/deeper; ln -s "$PWD/outside/victim" tree/data/standby.signal
            ln -s "$PWD/outside/victim" tree/data/postgresql.auto.conf; ln -s loop tree/data/loop
            """)
        // Another check looks at the same copy.
        for _ in 1...2 {
            try place.confine()
            #expect(place.target("data/pg_tblspc/16401") == "\(place.tree)/two")
            #expect(place.target("data/base/6") == "\(place.tree)/kept" && place.target("data/pg_wal") == "\(place.tree)/wal")
            for gone in [
                "data/base/5", "ts/PG_15_202209061/5/2604", "two/PG_15_202209061/9", "kept/deeper", "data/standby.signal",
                "data/postgresql.auto.conf", "data/loop",
            ] {
                #expect(!place.exists("tree/\(gone)"), "\(gone)")
            }
            #expect(try String(contentsOfFile: place.data + "/tablespace_map", encoding: .utf8) == "16400 \(place.tree)/ts\n")
            #expect(try String(contentsOfFile: place.victim, encoding: .utf8) == "precious\n")
        }
    }

    /// What is not a file is neither read nor waited for.
    @Test func pipesAndLinksAreNoPapers() throws {
        for name in ["tablespace_map", "PG_VERSION", "global/pg_control", "backup_label"] {
            for make in [
                "echo '16400 /srv/ts' >tree/kept; ln -s \(name.contains("/") ? "../" : "")../kept tree/data/\(name)",
                "mkfifo tree/data/\(name)", "ln -s \"$PWD/outside/victim\" tree/data/\(name)", "mkdir tree/data/\(name)",
            ] {
                let place = try Place("rm -f tree/data/\(name); \(make)")
                // It is a cluster without that paper, or none.
                _ = try? RestoredCluster(in: place.tree)?.confine()
                #expect(try String(contentsOfFile: place.victim, encoding: .utf8) == "precious\n")
                #expect(name != "tablespace_map" || place.target("data/\(name)") == nil, "a server would follow it: \(make)")
            }
        }
    }
}
