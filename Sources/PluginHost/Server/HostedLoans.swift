import Basics
import StorageKit
import Synchronization

/// What is lent for the length of a call in Swift, held open between two calls of the protocol.
final class HostedLoans<Value: Sendable>: Sendable {
    private struct Loan {
        var value: Value
        /// Finishing it lets the lender go on.
        var end: AsyncStream<Void>.Continuation
        var lending: Task<[String: JSONValue], any Error>
    }

    /// Who borrowed did not come to an end: the lender is not to go on as if he had.
    private struct Unfinished: Error {}

    private let loans = Mutex<(next: Int64, open: [Int64: Loan])>((1, [:]))

    /// Begins a loan and returns when the value is there. `lender` lends it for as long as the body that it is given runs; what it returns
    /// then is said at the loan's end.
    func lend(
        _ lender: @escaping @Sendable (_ body: @escaping @Sendable (Value) async throws -> Void) async throws -> [String: JSONValue]
    ) async throws -> (handle: Int64, value: Value) {
        let (values, arrival) = AsyncThrowingStream.makeStream(of: Value.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let lending = Task {
            do {
                let outputs = try await lender { value in
                    arrival.yield(value)
                    for await _ in ends { throw Unfinished() }
                }
                arrival.finish()
                return outputs
            } catch {
                arrival.finish(throwing: error)
                throw error
            }
        }
        for try await value in values {
            let handle = loans.withLock { loans in
                defer { loans.next += 1 }
                loans.open[loans.next] = Loan(value: value, end: end, lending: lending)
                return loans.next
            }
            return (handle, value)
        }
        throw StorageError(.failed, expected: "something to work with", found: "nothing", at: "the plug-in's process")
    }

    func lent(_ handle: Int64, _ request: HostedRequest) throws(StorageError) -> Value {
        guard let value = loans.withLock({ $0.open[handle]?.value }) else { throw request.gone(handle) }
        return value
    }

    func endAll() async {
        for handle in loans.withLock({ Array($0.open.keys) }) { _ = try? await end(handle, failed: true) }
    }

    /// `failed`: what the loan was for has not come to its end.
    @discardableResult
    func end(_ handle: Int64, failed: Bool) async throws -> [String: JSONValue] {
        guard let loan = loans.withLock({ $0.open.removeValue(forKey: handle) }) else { return [:] }
        if failed { loan.end.yield() }
        loan.end.finish()
        do {
            return try await loan.lending.value
        } catch is Unfinished {
            return [:]
        }
    }
}
