// What everything over libcurl here shares. Internal to http/.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "core/result.hpp"
#include "http/message.hpp"

namespace dunetrace::http {

struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeCurlEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeCurlUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;
using CurlEasy = std::unique_ptr<CURL, FreeCurlEasy>;
using CurlUrl = std::unique_ptr<CURLU, FreeCurlUrl>;

// Once per process, before anything else.
void start_curl();

// Empty when the URL has no such part.
[[nodiscard]] std::string url_part(CURLU* url, CURLUPart which);

// Appends a line; false when there is no memory.
[[nodiscard]] bool append(CurlList& list, const std::string& line);

// Headers for CURLOPT_HTTPHEADER. A name that is no token and a value with CR, LF or NUL is Code::invalid_argument:
// libcurl would send them as they are.
[[nodiscard]] Result<CurlList> header_list(const Headers& headers);

}  // namespace dunetrace::http
