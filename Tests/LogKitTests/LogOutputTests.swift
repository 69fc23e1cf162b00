import Basics
import Foundation
import Glibc
import Logging
import Rigs
import StepKit
import Testing
import Threads

@testable import LogKit

/// From a logger to where the lines go, on real pipes and sockets.
@Suite struct LogOutputTests {
    /// A pipe: its end for reading, and a writer to the other.
    private struct Line {
        let reading: FileHandle
        let writing: FileHandle

        init() {
            let pipe = Pipe()
            (reading, writing) = (pipe.fileHandleForReading, pipe.fileHandleForWriting)
        }

        func writer(_ format: LogFormat = .text, isJournal: Bool = false) -> StandardErrorWriter {
            StandardErrorWriter(format: format, isJournal: isJournal, descriptor: writing.fileDescriptor)
        }
    }

    private func logger(_ output: LogOutput, _ label: String = "worker") -> Logger {
        Logger(label: label, factory: { output.handler($0) })
    }

    private func text(of line: Line) -> String {
        try? line.writing.close()
        return String(decoding: (try? line.reading.readToEnd()) ?? Data(), as: UTF8.self)
    }

    @Test func levelsAndRowsArriveInOrder() throws {
        let line = Line()
        let output = LogOutput(LogSettings(level: .notice), line.writer(.json))
        let log = logger(output).of(worker: "w1")
        log.info("too low")
        log.of(job: JobID(rawValue: "j1"), step: "copy", attempt: 3).warning(
            "failed", error: Explanation(.noSpace, expected: "room", found: "none", at: "/vault", advice: "free some", retry: .transient))
        log.notice("again", metadata: ["count": .stringConvertible(7), "worker": "w2", "list": ["a", .stringConvertible(true)]])
        output.flush()
        let lines = try text(of: line).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(lines.map { $0["message"] as? String } == ["failed", "again"])
        let failed = try #require(lines.first)
        #expect(failed["worker"] as? String == "w1" && failed["job"] as? String == "j1" && failed["step"] as? String == "copy")
        #expect(failed["attempt"] as? Int == 3)
        let error = try #require(failed["error"] as? [String: Any])
        #expect(error["code"] as? String == "no-space" && error["location"] as? String == "/vault")
        #expect(error["advice"] as? String == "free some")
        #expect(lines.last?["count"] as? Int == 7 && lines.last?["worker"] as? String == "w2", "what is said last counts")
        let list = try #require(lines.last?["list"] as? [Any])
        #expect(list.count == 2 && list[0] as? String == "a" && list[1] as? Bool == true)
    }

    /// `sd-daemon(3)`: only while standard error is still what systemd made it.
    @Test func theJournalGetsItsLevels() {
        let line = Line()
        var status = stat()
        #expect(fstat(line.writing.fileDescriptor, &status) == 0)
        let own = ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"]
        #expect(StandardErrorWriter.isJournal(own, descriptor: line.writing.fileDescriptor))
        #expect(!StandardErrorWriter.isJournal(own, descriptor: Line().writing.fileDescriptor), "something else is there by now")
        #expect(!StandardErrorWriter.isJournal(["JOURNAL_STREAM": "1:2"], descriptor: line.writing.fileDescriptor))
        #expect(!StandardErrorWriter.isJournal([:], descriptor: line.writing.fileDescriptor))
        let output = LogOutput(LogSettings(level: .debug), line.writer(.brief, isJournal: true))
        let log = logger(output)
        log.error("e")
        log.warning("w")
        log.notice("n")
        log.info("i")
        log.debug("d")
        output.flush()
        #expect(text(of: line) == "<3>error: e\n<4>warning: w\n<5>notice: n\n<6>info: i\n<7>debug: d\n")
    }

    @Test func aReaderThatIsGoneCostsTheLinesOnly() throws {
        signal(SIGPIPE, SIG_IGN)
        let line = Line()
        try line.reading.close()
        let output = LogOutput(LogSettings(), line.writer())
        for number in 0..<10 { logger(output).info("\(number)") }
        output.flush()
        let closed = LogOutput(LogSettings(), StandardErrorWriter(format: .text, isJournal: false, descriptor: -1))
        logger(closed).info("nowhere")
        closed.flush()
    }

    /// Whoever speaks goes on; what was dropped is counted when somebody reads again.
    @Test func aFullPipeHoldsNobodyUpAndItIsSaidWhatWasDropped() async throws {
        let line = Line()
        let output = LogOutput(LogSettings(), line.writer(.brief))
        let log = logger(output)
        let count = 6000
        // A pipe holds 64 KiB: a few hundred of them.
        let long = String(repeating: "x", count: 200)
        for number in 0..<count { log.info("\(number) \(long)") }
        output.flush(within: .milliseconds(50))
        let reading = line.reading
        let threads = BlockingPool(label: "pipe", width: 2)
        async let text = threads.run { String(decoding: (try? reading.readToEnd()) ?? Data(), as: UTF8.self) }
        try await threads.run { output.flush(within: .seconds(60)) }
        try line.writing.close()
        let lines = try await text.split(separator: "\n")
        let dropped = lines.compactMap { $0.firstMatch(of: /warning: (\d+) lines were dropped/).flatMap { Int($0.1) } }.reduce(0, +)
        #expect(dropped > 0 && lines.count { $0.hasPrefix("info: ") } + dropped == count, "\(lines.count) lines, \(dropped) dropped")
        #expect(lines.first?.hasPrefix("info: 0 ") == true)
    }

    @Test func syslogGetsMessagesOfRFC5424() throws {
        let folder = try ScratchFolder("syslog")
        var daemon: SyslogRig? = try SyslogRig(folder.file("log"))
        let settings = LogSettings(level: .info, place: .syslog(socket: folder.file("log")))
        let output = LogOutput(settings, environment: [:])
        logger(output).of(job: JobID(rawValue: "j1")).error("it \u{1B}[2J failed\nagain")
        let message = try #require(try daemon?.next())
        let pattern = /<27>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]{1,255} snappy-flow (\d+) worker - (.*)/
        let found = try #require(message.wholeMatch(of: pattern), "\(message)")
        #expect(Int32(found.1) == getpid() && found.2 == #"it \u{1b}[2J failed\u{a}again job=j1"#)
        // A daemon that is started anew has another socket of the same name.
        daemon = nil
        let next = try SyslogRig(folder.file("log"))
        logger(output).info("once more")
        #expect(try next.next().contains("<30>1 "))
        // In JSON the message is the object.
        let json = LogOutput(LogSettings(format: .json, place: settings.place), environment: [:])
        logger(json, "rest-server").notice("here")
        let object = try #require(try next.next().firstMatch(of: /rest-server - (\{.*\})$/)?.1)
        #expect((try JSONSerialization.jsonObject(with: Data(object.utf8)) as? [String: Any])?["message"] as? String == "here")
    }

    @Test func whatSyslogDoesNotTakeGoesToStandardError() {
        let line = Line()
        let writer = SyslogWriter(socket: "/nonexistent/log", format: .text, otherwise: line.writer())
        let output = LogOutput(LogSettings(place: .syslog(socket: "/nonexistent/log")), writer)
        logger(output).warning("nobody listens")
        output.flush()
        #expect(text(of: line).hasSuffix(" warning worker: nobody listens\n"))
    }
}
