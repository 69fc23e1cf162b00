import Basics

/// What is made of a copy's roles and tablespaces on a server, and what that gives to whom.
///
/// A role or tablespace that is there stays as it is. Powerful is what reaches beyond what is restored: attributes that let a role take more
/// than it has, membership in a role that was there before (the server's own rights and data; the predefined roles, too), settings that only a
/// superuser may change, and privileges on those.
struct GlobalsPlan: Sendable {
    private(set) var roles: [Globals.Role] = []
    private(set) var memberships: [Globals.Membership] = []
    private(set) var parameterGrants: [Globals.ParameterGrant] = []
    private(set) var tablespaces: [Globals.Tablespace] = []
    private(set) var labels: [Globals.SecurityLabel] = []
    /// Powerful, and given.
    private(set) var granted: [String] = []
    /// Powerful, and not given.
    private(set) var withheld: [String] = []
    /// What this server can't have.
    private(set) var leftOut: [String] = []
    private let isPrivileged: Bool
    /// Of the roles that are made, those with attributes that are.
    private var powerful: Set<ExactText> = []

    init(_ globals: Globals, on target: GlobalsTarget, _ policy: GlobalsPolicy) {
        isPrivileged = policy == .privileged
        let names = target.roles.union(globals.roles.map(\.name).exact)
        for role in globals.roles where !target.roles.contains(ExactText(role.name)) { add(role, target, names) }
        let known = target.roles.union(roles.map(\.name).exact)
        for membership in globals.memberships { add(membership, target, known) }
        for grant in globals.parameterGrants { add(grant, target, known) }
        for tablespace in globals.tablespaces where !target.tablespaces.contains(ExactText(tablespace.name)) { add(tablespace, known) }
        let made = roles.map(\.name).exact
        for label in globals.labels
        where label.isOfRole ? made.contains(ExactText(label.name)) : tablespaces.contains(where: { $0.name.isExactly(label.name) }) {
            if allows("security label of \(Self.shown(label.provider)) on \(Self.shown(label.name))") { labels.append(label) }
        }
        leftOut += globals.settingsInDatabases.map { "setting \(Self.shown($0)): it comes with the database's own dump" }
    }

    /// A name as it may stand in a log: in quotes, on one line.
    static func shown(_ name: String) -> String { String(reflecting: name) }

    private mutating func allows(_ what: String) -> Bool {
        if isPrivileged { granted.append(what) } else { withheld.append(what) }
        return isPrivileged
    }

    private mutating func add(_ role: Globals.Role, _ target: GlobalsTarget, _ known: Set<ExactText>) {
        var role = role
        let name = Self.shown(role.name)
        for attribute in RoleAttribute.allCases where attribute.isPowerful && role.attributes[attribute] == true {
            if allows("\(attribute.rawValue) of role \(name)") {
                powerful.insert(ExactText(role.name))
            } else {
                role.attributes[attribute] = false
            }
        }
        let settings = role.settings
        role.settings = []
        for setting in settings {
            let what = "setting \(Self.shown(setting.name)) of role \(name)"
            let value = setting.values.first ?? ""
            switch Self.hiddenContexts[setting.name.lowercased()] ?? target.settingContexts[setting.name.lowercased()] {
            // It counts at log-in, for who is a member then.
            case "role" where value != "none" && !known.contains(ExactText(value)):
                leftOut.append("\(what): no role \(Self.shown(value)) here")
            case "user", "role": role.settings.append(setting)
            case nil where !setting.name.contains("."): leftOut.append("\(what): this server knows no such setting")
            // Of a library that is not loaded nobody knows who may change what: the server itself asks for a superuser.
            default: if allows(what) { role.settings.append(setting) }
            }
        }
        roles.append(role)
    }

    /// Settings that a server's list of them does not show.
    private static let hiddenContexts = ["role": "role", "session_authorization": "superuser"]

    private mutating func add(_ membership: Globals.Membership, _ target: GlobalsTarget, _ known: Set<ExactText>) {
        let pair = GlobalsTarget.Pair(role: ExactText(membership.role), member: ExactText(membership.member))
        if let admin = target.memberships[pair], admin || !membership.admin { return }
        let what = "membership of \(Self.shown(membership.member)) in \(Self.shown(membership.role))"
        if let missing = [membership.role, membership.member].first(where: { !known.contains(ExactText($0)) }) {
            leftOut.append("\(what): no role \(Self.shown(missing)) here")
            return
        }
        var membership = membership
        if !target.hasMembershipOptions {
            guard membership.inherit != false, membership.set != false else {
                leftOut.append("\(what): this server can't withhold INHERIT or SET from a member")
                return
            }
            (membership.inherit, membership.set) = (nil, nil)
        }
        let isPowerful = target.roles.contains(ExactText(membership.role)) || powerful.contains(ExactText(membership.role))
        if !isPowerful || allows(what + (membership.admin ? " with ADMIN OPTION" : "")) { memberships.append(membership) }
    }

    private mutating func add(_ tablespace: Globals.Tablespace, _ known: Set<ExactText>) {
        let what = "tablespace \(Self.shown(tablespace.name))"
        guard known.contains(ExactText(tablespace.owner)) else {
            leftOut.append("\(what): no role \(Self.shown(tablespace.owner)) here")
            return
        }
        var tablespace = tablespace
        tablespace.grants.removeAll { grant in
            guard let grantee = grant.grantee, !known.contains(ExactText(grantee)) else { return false }
            leftOut.append("privileges on \(what): no role \(Self.shown(grantee)) here")
            return true
        }
        tablespaces.append(tablespace)
    }

    private mutating func add(_ grant: Globals.ParameterGrant, _ target: GlobalsTarget, _ known: Set<ExactText>) {
        let grantee = grant.grant.grantee
        let words = grant.grant.privileges.joined(separator: ", ")
        let what = "\(words) on setting \(Self.shown(grant.parameter)) for \(grantee.map(Self.shown) ?? "everybody")"
        guard target.version >= 150_000, grantee.map({ known.contains(ExactText($0)) }) ?? true else {
            leftOut.append("\(what): this server has no such \(target.version < 150_000 ? "privilege" : "role")")
            return
        }
        // What was taken from a role that is there is left to it.
        guard grant.grant.isGiven, allows(what) else { return }
        parameterGrants.append(grant)
    }
}
