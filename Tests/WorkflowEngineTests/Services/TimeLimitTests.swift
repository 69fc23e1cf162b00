import Testing

@testable import WorkflowEngine

@Suite struct TimeLimitTests {
    @Test func whatIsNotDoneInTimeIsCancelled() async throws {
        #expect(try await !withLimit(.milliseconds(10)) { try await Task.sleep(for: .seconds(600)) })
        #expect(try await withLimit(.seconds(600)) {})
    }

    @Test func whoWasCancelledHearsOfIt() async throws {
        let task = Task { try await withLimit(.seconds(600)) { try await Task.sleep(for: .seconds(600)) } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
