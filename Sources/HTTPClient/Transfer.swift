import CLibCurl
import Basics
import Foundation
import Synchronization

/// One request under way on one thread: what libcurl's callbacks gather.
final class Transfer {
    private static let bufferBytes = 256 << 10
    /// Where a bandwidth is kept: the pieces in which it is.
    private static let pacedBytes = 64 << 10

    private let request: HTTPRequest
    private let stop: StopSign
    private var headers: [(name: String, value: String)] = []
    private var body: [UInt8] = []
    private var isTooLarge = false
    /// The empty line after the headers came. libcurl takes a connection that ends before it for a whole answer without a body.
    private var hasAllHeaders = false
    private var sent = 0

    init(_ request: HTTPRequest, stop: StopSign) {
        self.request = request
        self.stop = stop
    }

    func perform(_ handle: UnsafeMutableRawPointer?) throws -> HTTPAnswer {
        guard let handle else { throw Explanation(CURLE_FAILED_INIT, detail: "", request) }
        var lines: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(lines) }
        // An empty value needs a semicolon; `Expect:` keeps libcurl from waiting a second before a large body.
        for line in request.headers.map({ $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }) + ["Expect:"] {
            lines = curl_slist_append(lines, line)
        }
        flow_curl_set_pointer(handle, CURLOPT_HTTPHEADER, lines)
        configure(handle)
        let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        defer { message.deallocate() }
        flow_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, message)

        let code = (request.body ?? []).withUnsafeBytes { bytes in
            if request.body != nil {
                flow_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
                // libcurl reads it only; an empty array has no address, and a null pointer would make it ask a callback.
                let start = bytes.baseAddress ?? UnsafeRawPointer(message)
                flow_curl_set_pointer(handle, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: start))
            }
            flow_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
            return curl_easy_perform(handle)
        }
        if isTooLarge { throw Explanation.tooLarge(request) }
        guard code == CURLE_OK else { throw Explanation(code, detail: String(cString: message), request) }
        guard hasAllHeaders else { throw Explanation(CURLE_GOT_NOTHING, detail: "an answer that ends within its headers", request) }
        var status = 0
        flow_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return HTTPAnswer(status: status, headers: headers, body: body)
    }

    private func configure(_ handle: UnsafeMutableRawPointer) {
        flow_curl_set_text(handle, CURLOPT_URL, request.url)
        flow_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        flow_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        flow_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        flow_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1)
        flow_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2)
        if request.method == "HEAD" { flow_curl_set_long(handle, CURLOPT_NOBODY, 1) }
        if let file = request.trustFile { flow_curl_set_text(handle, CURLOPT_CAINFO, file) }
        flow_curl_set_text(handle, CURLOPT_PROXY, request.proxy ?? "")
        // An exception in the environment would lead past a proxy that was declared.
        flow_curl_set_text(handle, CURLOPT_NOPROXY, "")
        flow_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        flow_curl_set_long(handle, CURLOPT_BUFFERSIZE, request.pace == nil ? Self.bufferBytes : Self.pacedBytes)
        flow_curl_set_long(handle, CURLOPT_UPLOAD_BUFFERSIZE, request.pace == nil ? Self.bufferBytes : Self.pacedBytes)
        flow_curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
        flow_curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, max(Int(request.stall.milliseconds / 1000), 1))
        flow_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(request.connectTimeout.milliseconds))
        flow_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(request.timeout.milliseconds))
        flow_curl_set_text(handle, CURLOPT_USERAGENT, "snappy-flow")

        let this = Unmanaged.passUnretained(self).toOpaque()
        flow_curl_set_pointer(handle, CURLOPT_WRITEDATA, this)
        flow_curl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, transfer in
            guard let bytes, let transfer else { return 0 }
            let slice = UnsafeRawBufferPointer(start: bytes, count: size * count)
            return Unmanaged<Transfer>.fromOpaque(transfer).takeUnretainedValue().received(slice) ? slice.count : 0
        }
        flow_curl_set_pointer(handle, CURLOPT_HEADERDATA, this)
        flow_curl_set_transfer(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, transfer in
            guard let bytes, let transfer else { return 0 }
            let slice = UnsafeRawBufferPointer(start: bytes, count: size * count)
            Unmanaged<Transfer>.fromOpaque(transfer).takeUnretainedValue().receivedHeader(slice)
            return slice.count
        }
        flow_curl_set_long(handle, CURLOPT_NOPROGRESS, 0)
        flow_curl_set_pointer(handle, CURLOPT_XFERINFODATA, this)
        flow_curl_set_progress(handle) { transfer, _, _, _, sent in
            guard let transfer else { return 1 }
            return Unmanaged<Transfer>.fromOpaque(transfer).takeUnretainedValue().progressed(Int(sent)) ? 0 : 1
        }
    }

    /// False when it is to stop.
    private func progressed(_ sent: Int) -> Bool {
        if sent > self.sent {
            rest(request.pace?(sent - self.sent, 0))
            self.sent = sent
        }
        return !stop.raised.load(ordering: .relaxed)
    }

    private func rest(_ time: Duration?) {
        guard let time else { return }
        let end = ContinuousClock.now + time
        while case let left = end - .now, left > .zero, !stop.raised.load(ordering: .relaxed) {
            Thread.sleep(forTimeInterval: min(left / .seconds(1), 0.1))
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= request.maximumResponse.bytes else {
            isTooLarge = true
            return false
        }
        body += bytes
        rest(request.pace?(0, bytes.count))
        return true
    }

    /// A status line begins anew: an interim answer (100) comes before the real one.
    private func receivedHeader(_ bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            headers = []
            hasAllHeaders = false
        } else if line.allSatisfy({ $0.isNewline }) {
            hasAllHeaders = true
        }
        guard let colon = line.firstIndex(of: ":"), headers.count < 1000 else { return }
        let value = line[line.index(after: colon)...].drop { $0.isWhitespace }
        headers.append((String(line[..<colon]), String(value.reversed().drop { $0.isWhitespace }.reversed())))
        if line.lowercased().hasPrefix("content-length:"), request.method != "HEAD", let length = Int(headers[headers.count - 1].value) {
            body.reserveCapacity(min(max(length, 0), Int(request.maximumResponse.bytes)))
        }
    }
}
