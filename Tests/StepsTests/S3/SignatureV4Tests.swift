import Foundation
import Testing

@testable import Steps

/// The examples that Amazon publishes (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
@Suite struct SignatureV4Tests {
    private let signature = SignatureV4(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1")
    private let date = "20130524T000000Z"

    private func signed(
        _ method: String, _ path: String, _ query: String = "", _ headers: [(name: String, value: String)] = [],
        hash: String = S3Connection.emptyHash
    ) -> String? {
        let all = headers + [("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", hash), ("x-amz-date", date)]
        let text = signature.authorization(method: method, path: path, query: query, headers: all, payloadHash: hash, date: date)
        #expect(text.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="))
        return text.components(separatedBy: "Signature=").last
    }

    @Test func examplesAreSignedAsPublished() {
        #expect(
            signed("GET", "/test.txt", "", [("Range", "bytes=0-9")])
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(
            signed(
                "PUT", "/test%24file.text", "",
                [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
                hash: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
                == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
        #expect(
            signed("GET", "/", "lifecycle=") == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        #expect(
            signed("GET", "/", "max-keys=2&prefix=J") == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func pathsAreEncodedOnce() {
        #expect(SignatureV4.encoded("a b/ü~-_.*$", keepsSlashes: true) == "a%20b/%C3%BC~-_.%2A%24")
        #expect(SignatureV4.encoded("a/b=") == "a%2Fb%3D")
    }

    @Test func datesAreOfUTC() {
        #expect(SignatureV4.date(Date(timeIntervalSince1970: 1_369_353_600)) == date)
    }
}
