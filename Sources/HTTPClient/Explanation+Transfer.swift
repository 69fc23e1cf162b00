import CLibCurl
import Basics

/// Why no answer came. A status of 400 and above is an answer, not an error of this kind.
extension Explanation {
    /// What libcurl's code means for whoever asked.
    init(_ code: CURLcode, detail: String, _ request: HTTPRequest) {
        let text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
        let at = request.address
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            self.init(.invalidRequest, expected: "a URL", found: text, at: at, advice: "correct the URL", retry: .permanent)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
            self.init(
                .unreachable, expected: "a server that answers", found: text, at: at, advice: "check the address and that the server runs",
                retry: .transient)
        case CURLE_OPERATION_TIMEDOUT:
            self.init(
                .timedOut, expected: "an answer within \(request.timeout)", found: text, at: at,
                advice: "check the server, or allow more time", retry: .transient)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CONNECT_ERROR:
            self.init(
                .untrusted, expected: "a TLS connection to a server with a certificate that this machine trusts", found: text, at: at,
                advice: "install the authority's certificate on this host, or correct the name in the URL", retry: .permanent)
        case CURLE_ABORTED_BY_CALLBACK:
            self.init(.cancelled, expected: "the request to finish", found: "it was told to stop", at: at, advice: "", retry: .transient)
        default:
            self.init(
                .interrupted, expected: "a whole answer", found: text, at: at, advice: "check the server and the network", retry: .transient
            )
        }
    }

    static func tooLarge(_ request: HTTPRequest) -> Explanation {
        Explanation(
            .tooLarge, expected: "an answer of at most \(request.maximumResponse)", found: "a longer one", at: request.address,
            advice: "ask for less", retry: .permanent)
    }
}
