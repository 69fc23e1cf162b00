import Basics
import HTTPClient
import StepKit

/// Which answers count as success: any status of 200 to 299, or those listed; and a text that the body must hold.
struct HTTPExpectation: SettingValue, Hashable {
    var status: [Int] = []
    var contains: String?

    private static let statusSetting = Setting<[Int]>(
        "status", "The accepted statuses; by default, 200 to 299", type: .list(.integer(100...599)))
    private static let containsSetting = Setting<String>("contains", "A text that the body must contain")
    static var settingType: SettingType { .object(SettingsSchema([statusSetting.field, containsSetting.field])) }

    init() {}

    init?(setting json: JSONValue) {
        guard let members = json.objectValue else { return nil }
        let settings = Settings(members, origin: "expect")
        do {
            status = try settings.optional(Self.statusSetting) ?? []
            contains = try settings.optional(Self.containsSetting)
        } catch {
            return nil
        }
    }

    var settingJSON: JSONValue {
        var members: [String: JSONValue] = [:]
        if !status.isEmpty { members["status"] = status.settingJSON }
        if let contains { members["contains"] = .string(contains) }
        return .object(members)
    }

    /// Throws for any other answer; transient where the status says that a later try may do.
    func judge(_ response: HTTPAnswer, of request: HTTPRequest) throws(StepError) {
        let isWanted = status.isEmpty ? response.isSuccess : status.contains(response.status)
        guard isWanted else {
            throw StepError(
                .unexpectedStatus,
                expected: "a status of \(status.isEmpty ? "200 to 299" : status.map(String.init).joined(separator: ", "))",
                found: "\(response.status)", at: request.address, advice: "check the request, or declare the status under `expect`",
                retry: response.isWorthRetrying ? .transient : .permanent,
                retryAfter: response.retryAfterSeconds.map { .seconds(min($0, 86_400)) })
        }
        guard let contains, response.body.firstRange(of: Array(contains.utf8)) == nil else { return }
        throw StepError(
            .unexpectedBody, expected: "a body that holds \(contains.debugDescription)",
            found: "\(response.body.count.counted("byte")) without it",
            at: request.address, advice: "check the server, or correct `expect`", retry: .transient)
    }
}
