#include "http/curl_parts.hpp"

#include <algorithm>
#include <mutex>

namespace dunetrace::http {
namespace {

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::string url_part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool append(CurlList& list, const std::string& line) {
  auto* const grown = curl_slist_append(list.get(), line.c_str());
  if (grown == nullptr) return false;
  static_cast<void>(list.release());  // curl_slist_append returned the same list, longer
  list.reset(grown);
  return true;
}

Result<CurlList> header_list(const Headers& headers) {
  CurlList list;
  if (!append(list, "Expect:")) return fail(Code::internal, "no memory for request headers");
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_value(value)) {
      return fail(Code::invalid_argument, "a request header holds a line break, or its name is not a header name");
    }
    if (!append(list, value.empty() ? name + ";" : name + ": " + value))
      return fail(Code::internal, "no memory for request headers");
  }
  return list;
}

}  // namespace dunetrace::http
