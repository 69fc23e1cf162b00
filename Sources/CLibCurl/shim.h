#include <curl/curl.h>

/* libcurl's variadic calls, one a type of argument: Swift imports no variadic function. */

typedef size_t (*flow_curl_transfer)(char *, size_t, size_t, void *);
typedef int (*flow_curl_progress)(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

static inline CURLcode flow_curl_set_long(CURL *handle, CURLoption option, long value) { return curl_easy_setopt(handle, option, value); }
static inline CURLcode flow_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) { return curl_easy_setopt(handle, option, value); }
static inline CURLcode flow_curl_set_text(CURL *handle, CURLoption option, const char *value) { return curl_easy_setopt(handle, option, value); }
static inline CURLcode flow_curl_set_pointer(CURL *handle, CURLoption option, void *value) { return curl_easy_setopt(handle, option, value); }
static inline CURLcode flow_curl_set_transfer(CURL *handle, CURLoption option, flow_curl_transfer value) { return curl_easy_setopt(handle, option, value); }
static inline CURLcode flow_curl_set_progress(CURL *handle, flow_curl_progress value) { return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value); }
static inline CURLcode flow_curl_get_long(CURL *handle, CURLINFO info, long *value) { return curl_easy_getinfo(handle, info, value); }
