import Foundation
import Threads

/// Keystone, OpenStack's identity service, and a front of `OpenStackSwiftRig` that takes its tokens: one for the test process.
public final class KeystoneRig: Sendable {
    /// With `/v3` at its end.
    public let authURL: String
    public let user = "alice"
    public let password = "alicepass"
    public let project = "backup"
    /// An application credential of that user for that project.
    public let applicationCredential: String
    public let applicationSecret = "applicationsecret"
    /// Regions of the catalogue: the second has an object store nowhere.
    public static let regions = ["RegionOne", "RegionTwo"]
    private let swift: OpenStackSwiftRig
    private let scratch: ScratchFolder
    private let server: KeptProgram

    private static let shared = Task {
        let swift = try await OpenStackSwiftRig.running()
        return try await BlockingPool(label: "keystone-rig", width: 1).run { try KeystoneRig(swift) }
    }
    public static func running() async throws -> KeystoneRig { try await shared.value }

    private init(_ swift: OpenStackSwiftRig) throws {
        self.swift = swift
        scratch = try ScratchFolder("keystone")
        let (keystone, proxy) = (try KeptProgram.freePort(), try KeptProgram.freePort())
        authURL = "http://127.0.0.1:\(keystone)/v3"
        server = try KeptProgram(
            KeptProgram.prelude + OpenStackSwiftRig.front + Self.script,
            [scratch.path, "\(keystone)", swift.folder, "\(proxy)", "\(swift.memcachedPort)"])
        applicationCredential = try String(contentsOfFile: scratch.file("credential"), encoding: .utf8)
    }

    /// `$1` the folder, `$2` Keystone's port, `$3` Swift's folder, `$4` its new front's port, `$5` memcached's.
    private static let script = #"""
        cd "$1" || exit 1
        umask 077
        url=http://127.0.0.1:$2/v3
        mkdir fernet receipts credentials
        cat >keystone.conf <<CONF
        [DEFAULT]
        log_file = $1/keystone.log
        [database]
        connection = sqlite:///$1/keystone.db
        sqlite_synchronous = false
        [fernet_tokens]
        key_repository = $1/fernet
        [fernet_receipts]
        key_repository = $1/receipts
        [credential]
        key_repository = $1/credentials
        [cache]
        enabled = false
        [identity]
        password_hash_rounds = 4
        CONF
        pids=
        fail() { echo "$1; install python3-keystone and python3-keystonemiddleware; last words: $(tail -qn2 *.log | tr '\n' ' ')"; kill -KILL $pids 2>/dev/null; exit 1; }
        manage() { keystone-manage --config-file "$PWD/keystone.conf" "$@" >>manage.log 2>&1; }
        manage db_sync || fail "Keystone's tables could not be made"
        # with SQLite's own journal a reader blocks the writer, and Keystone answers 500
        /usr/bin/python3 -c 'import sqlite3; sqlite3.connect("keystone.db").execute("pragma journal_mode=wal")' || fail "no database"
        manage fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)" & keys=$!
        manage credential_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)" || fail "no keys"
        wait $keys || fail "no keys"
        manage bootstrap --bootstrap-username admin --bootstrap-password adminpass --bootstrap-project-name admin --bootstrap-region-id RegionOne \
            --bootstrap-public-url "$url" --bootstrap-internal-url "$url" --bootstrap-admin-url "$url" || fail "Keystone has no administrator"
        OS_KEYSTONE_CONFIG_FILES=$1/keystone.conf /usr/bin/python3 /usr/bin/keystone-wsgi-public --host 127.0.0.1 --port $2 >wsgi.log 2>&1 </dev/null & pids=$!
        answers() { curl -sf --noproxy '*' "$1"; }
        await $! answers "$url" || fail "Keystone does not answer"
        cat >people.py <<'PYTHON'
        import json, sys, urllib.request
        base, port, folder = sys.argv[1:]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        def ask(method, path, body=None, token=None):
            headers = {"Content-Type": "application/json", **({"X-Auth-Token": token} if token else {})}
            data = None if body is None else json.dumps(body).encode()
            answer = opener.open(urllib.request.Request(base + path, method=method, data=data, headers=headers), timeout=60)
            text = answer.read()
            return answer, json.loads(text) if text else None
        def token(user, password, project):
            domain = {"id": "default"}
            auth = {"identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}},
                    "scope": {"project": {"name": project, "domain": domain}}}
            answer, body = ask("POST", "/auth/tokens", {"auth": auth})
            return answer.headers["X-Subject-Token"], body["token"]["user"]["id"]
        admin, _ = token("admin", "adminpass", "admin")
        def make(kind, **members): return ask("POST", "/%ss" % kind, {kind: members}, admin)[1][kind]["id"]
        roles = {role["name"]: role["id"] for role in ask("GET", "/roles", token=admin)[1]["roles"]}
        service, backup = (make("project", name=name, domain_id="default") for name in ("service", "backup"))
        swift = make("user", name="swift", domain_id="default", password="swiftpass")
        alice = make("user", name="alice", domain_id="default", password="alicepass")
        bob = make("user", name="bob", domain_id="default", password="bobpass")
        def grant(project, user, role): ask("PUT", f"/projects/{project}/users/{user}/roles/{role}", token=admin)
        grant(service, swift, roles["admin"])
        grant(service, swift, roles.get("service") or make("role", name="service"))
        grant(backup, alice, roles["member"])
        grant(backup, bob, roles["reader"])
        make("region", id="RegionTwo")
        store = make("service", type="object-store", name="swift")
        for region, where in (("RegionOne", port), ("RegionTwo", "1")):
            make("endpoint", interface="public", region_id=region, service_id=store, url=f"http://127.0.0.1:{where}/v1/AUTH_%(tenant_id)s")
        mine, me = token("alice", "alicepass", "backup")
        made = ask("POST", f"/users/{me}/application_credentials",
                   {"application_credential": {"name": "backup", "secret": "applicationsecret"}}, mine)[1]["application_credential"]
        open(folder + "/credential", "w").write(made["id"])
        PYTHON
        /usr/bin/python3 people.py "$url" $4 "$1" >people.log 2>&1 || fail "Keystone knows nobody"
        { front "$3" $4 $5 "authtoken keystoneauth"; cat <<CONF; } >proxy.conf
        [filter:authtoken]
        paste.filter_factory = keystonemiddleware.auth_token:filter_factory
        www_authenticate_uri = $url
        auth_url = $url
        auth_type = password
        project_domain_id = default
        user_domain_id = default
        project_name = service
        username = swift
        password = swiftpass
        delay_auth_decision = true
        cache = swift.cache
        include_service_catalog = false
        [filter:keystoneauth]
        use = egg:swift#keystoneauth
        operator_roles = admin, member
        CONF
        /usr/bin/python3 "$3/runner.py" "$3" proxy-server "$PWD/proxy.conf" >proxy.log 2>&1 </dev/null & pids="$pids $!"
        await $! answers "http://127.0.0.1:$4/healthcheck" || fail "Swift's second proxy does not answer"
        echo ready
        cat >/dev/null
        kill -KILL $pids
        wait 2>/dev/null
        cd / && rm -rf "$1"
        """#
}
