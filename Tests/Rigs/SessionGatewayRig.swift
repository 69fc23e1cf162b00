import Threads

/// A second radosgw beside `RadosGatewayRig`, of the same buckets and users, that gives temporary credentials (STS) and takes them. One of its own,
/// for with them every refusal has the same word.
public final class SessionGatewayRig: Sendable {
    public let url: String
    private let gateway: RadosGatewayRig
    private let server: KeptProgram

    private static let shared = Task {
        let gateway = try await RadosGatewayRig.running()
        return try await BlockingPool(label: "rgw-sts-rig", width: 1).run { try SessionGatewayRig(gateway) }
    }
    public static func running() async throws -> SessionGatewayRig { try await shared.value }

    private init(_ gateway: RadosGatewayRig) throws {
        self.gateway = gateway
        let port = try KeptProgram.freePort()
        url = "http://127.0.0.1:\(port)"
        server = try KeptProgram(
            KeptProgram.prelude + """
                cd "$1" || exit 1
                sed -e "s/127.0.0.1:[0-9]*$/127.0.0.1:$2/" -e "s|/rgw.log|/sts.log|" -e "s|/run$|/sts-run|" rgw.conf >sts.conf
                printf 'rgw_sts_key = sixteen-letters!\\nrgw_s3_auth_use_sts = true\\n' >>sts.conf
                CEPH_CONF=$1/sts.conf radosgw -n client.rgw.a -f >/dev/null 2>&1 </dev/null & server=$!
                await $server listens $2 || { echo "radosgw does not listen; last words: $(tail -n2 sts.log)"; kill -KILL $server; exit 1; }
                echo ready
                cat >/dev/null
                kill -KILL $server
                wait 2>/dev/null
                """, [gateway.folder, "\(port)"])
    }

    /// Temporary credentials of the gateway's user, as Amazon's own client gets them (GetSessionToken).
    public func session() async throws -> (accessKey: String, secretKey: String, token: String) {
        let script = """
            import boto3, json, sys
            url, key, secret = sys.argv[1:]
            def client(name):
                return boto3.client(name, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
            may = {"Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}
            client("iam").put_user_policy(UserName="u1", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]}))
            made = client("sts").get_session_token(DurationSeconds=900)["Credentials"]
            print(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
            """
        let words = try await HostProgram.run(
            [FlowRig.packageRoot + "/.venv-tests/bin/python", "-c", script, url, gateway.accessKey, gateway.secretKey]
        ).split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 3 else { throw ResticRig.Failure(description: "no session: \(words.count) words") }
        return (words[0], words[1], words[2])
    }
}
