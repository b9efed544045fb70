// dunetrace/testing/host.hpp - a host for tests: keeps what a plugin logs and counts, answers its HTTP requests with
// what the test said before, stands still in time. Header only, C++17. One thread; must outlive the instances.
#pragma once
#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/json.h>
#include <dunetrace/ext/metrics.h>
#include <dunetrace/plugin.h>
#include <dunetrace/testing/json.hpp>
#include <dunetrace/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {
namespace testing {

// What a plugin asked to be sent.
struct SentRequest {
  std::string method, url, body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint32_t timeout_ms = 0;

  // Empty when there is no such header. Names are compared as written.
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
  // The body as JSON; a missing value when it is none.
  Json json() const { return Json::parse(body).value_or(Json()); }
};

// What it gets for that: a reply, or a failure when `error` is not DUNE_OK.
struct CannedReply {
  std::int32_t status = 200;
  std::string body;
  std::int64_t retry_after_ms = 0;
  dune_status error = DUNE_OK;  // DUNE_E_TIMEOUT, DUNE_E_IO, DUNE_E_DENIED …
};

struct LogLine {
  std::uint32_t level;  // DUNE_LOG_*
  std::string message;
};

class FakeHost {
 public:
  FakeHost() noexcept {
    host_.struct_size = sizeof host_;
    host_.abi_major = DUNE_ABI_MAJOR;
    host_.abi_minor = DUNE_ABI_MINOR;
    host_.impl = this;
    host_.name = lit("dunetrace-testing");
    host_.version = lit("1.0.0");
    host_.log = log;
    host_.get_extension = extension;
    detectors_host_ = host_;
    detectors_host_.get_extension = detectors_extension;
  }
  FakeHost(const FakeHost&) = delete;  // the table points here
  FakeHost& operator=(const FakeHost&) = delete;

  const dune_host* raw() const noexcept { return &host_; }
  // As detectors see it: no HTTP and no clock.
  const dune_host* for_detectors() const noexcept { return &detectors_host_; }

  // ---- what the test says
  // The next requests get these, in this order; further ones get 200 without a body.
  FakeHost& reply(CannedReply canned) { return replies_.push_back(std::move(canned)), *this; }
  FakeHost& reply(std::int32_t status, std::string body = {}) { return reply({status, std::move(body), 0, DUNE_OK}); }
  FakeHost& refuse(dune_status error, std::string why) { return reply({0, std::move(why), 0, error}); }
  void set_time(double unix_seconds) noexcept { unix_seconds_ = unix_seconds; }
  void advance(std::int64_t ms) noexcept { monotonic_ms_ += ms, unix_seconds_ += static_cast<double>(ms) / 1000.0; }
  // A host that lacks this extension, or does not grant it.
  void withhold(std::string id) { withheld_.push_back(std::move(id)); }

  // ---- what the plugin did
  const std::vector<LogLine>& log_lines() const noexcept { return lines_; }
  bool logged(std::string_view part) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const LogLine& line) { return line.message.find(part) != std::string::npos; });
  }
  const std::vector<SentRequest>& requests() const noexcept { return requests_; }
  double counter(const std::string& name) const {
    const auto found = counters_.find(name);
    return found == counters_.end() ? 0 : found->second;
  }
  std::vector<double> observed(const std::string& name) const {
    const auto found = observed_.find(name);
    return found == observed_.end() ? std::vector<double>() : found->second;
  }

 private:
  static FakeHost& self(const dune_host* host) noexcept { return *static_cast<FakeHost*>(host->impl); }

  static void log(const dune_host* host, std::uint32_t level, dune_str message) {
    self(host).lines_.push_back({level, std::string(view(message))});
  }

  static const void* extension(const dune_host* host, dune_str id) {
    const auto& withheld = self(host).withheld_;
    const std::string_view name = view(id);
    if (std::find(withheld.begin(), withheld.end(), name) != withheld.end()) return nullptr;
    if (name == DUNE_EXT_HOST_JSON_V1) return &json_table();
    if (name == DUNE_EXT_HOST_HTTP_V1) return &http_table();
    if (name == DUNE_EXT_HOST_CLOCK_V1) return &clock_table();
    if (name == DUNE_EXT_HOST_METRICS_V1) return &metrics_table();
    return nullptr;
  }

  static const void* detectors_extension(const dune_host* host, dune_str id) {
    const bool granted = view(id) != DUNE_EXT_HOST_HTTP_V1 && view(id) != DUNE_EXT_HOST_CLOCK_V1;
    return granted ? extension(host, id) : nullptr;
  }

  // ---- dune.host.http/1
  static const dune_host_http_v1& http_table() noexcept {
    static const dune_host_http_v1 table{sizeof(dune_host_http_v1), 1 << 20, send};
    return table;
  }
  static dune_status send(const dune_host* host, const dune_http_request* request, dune_http_response* response,
                          dune_error* error) {
    FakeHost& fake = self(host);
    SentRequest sent;
    sent.method = view(request->method);
    sent.url = view(request->url);
    sent.body = view(request->body);
    sent.timeout_ms = request->timeout_ms;
    for (std::uint32_t i = 0; i < request->header_count; ++i) {
      sent.headers.emplace_back(view(request->headers[i].name), view(request->headers[i].value));
    }
    fake.requests_.push_back(std::move(sent));
    fake.current_ = CannedReply();
    if (!fake.replies_.empty()) {
      fake.current_ = std::move(fake.replies_.front());
      fake.replies_.pop_front();
    }
    const CannedReply& reply = fake.current_;
    if (reply.error != DUNE_OK) {
      if (error != nullptr) {
        error->code = reply.error;
        error->message_len = static_cast<std::uint32_t>(std::min(reply.body.size(), sizeof error->message));
        std::memcpy(error->message, reply.body.data(), error->message_len);
      }
      return reply.error;
    }
    response->status = reply.status;
    response->body = str(reply.body);
    response->retry_after_ms = reply.retry_after_ms;
    return DUNE_OK;
  }

  // ---- dune.host.clock/1
  static const dune_host_clock_v1& clock_table() noexcept {
    static const dune_host_clock_v1 table{sizeof(dune_host_clock_v1), 0,
                                          [](const dune_host* host) { return self(host).unix_seconds_; },
                                          [](const dune_host* host) { return self(host).monotonic_ms_; }};
    return table;
  }

  // ---- dune.host.metrics/1
  static const dune_host_metrics_v1& metrics_table() noexcept {
    static const dune_host_metrics_v1 table{
        sizeof(dune_host_metrics_v1), 0,
        [](const dune_host* host, dune_str name, double amount) -> dune_status {
          if (!self(host).may_name(view(name)) || !std::isfinite(amount) || amount < 0) return DUNE_E_INVALID;
          self(host).counters_[std::string(view(name))] += amount;
          return DUNE_OK;
        },
        [](const dune_host* host, dune_str name, double value) -> dune_status {
          if (!self(host).may_name(view(name)) || !std::isfinite(value)) return DUNE_E_INVALID;
          self(host).observed_[std::string(view(name))].push_back(value);
          return DUNE_OK;
        }};
    return table;
  }
  static bool may_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
  }

  // ---- dune.host.json/1
  static const dune_host_json_v1& json_table() noexcept {
    static const dune_host_json_v1 table{
        sizeof(dune_host_json_v1),
        0,
        [](const dune_host* h, dune_str text, dune_str at, std::uint32_t* out) {
          return find(h, text, at, [&](const Json& json) { return *out = type_of(json), true; });
        },
        [](const dune_host* h, dune_str text, dune_str at, std::int64_t* out) {
          return find(h, text, at, [&](const Json& json) { return put(json.integer(), out); });
        },
        [](const dune_host* h, dune_str text, dune_str at, double* out) {
          return find(h, text, at, [&](const Json& json) { return put(json.number(), out); });
        },
        [](const dune_host* h, dune_str text, dune_str at, std::uint32_t* out) {
          return find(h, text, at, [&](const Json& json) { return put(json.boolean(), out); });
        },
        [](const dune_host* h, dune_str text, dune_str at, dune_str* out) {
          return find(h, text, at, [&](const Json& json) {
            if (json.text() != nullptr) *out = str(self(h).text_ = *json.text());
            return json.text() != nullptr;
          });
        },
        [](const dune_host* h, dune_str text, dune_str at, dune_str* out) {
          return find(h, text, at, [&](const Json& json) {
            return *out = str(view(text).substr(json.begin(), json.end() - json.begin())), true;
          });
        },
        [](const dune_host* h, dune_str text, dune_str at, std::uint32_t* out) {
          return find(h, text, at, [&](const Json& json) {
            if (json.type() == Json::Type::array) *out = static_cast<std::uint32_t>(json.size());
            return json.type() == Json::Type::array;
          });
        }};
    return table;
  }
  template <class F>
  static dune_status find(const dune_host*, dune_str text, dune_str pointer, F take) {
    const auto json = Json::parse(view(text));
    const Json* found = json ? json->at(view(pointer)) : nullptr;
    if (found == nullptr) return DUNE_E_INVALID;
    if (found->missing()) return DUNE_JSON_ABSENT;
    return take(*found) ? dune_status{DUNE_OK} : dune_status{DUNE_JSON_OTHER_TYPE};
  }
  template <class T, class V>
  static bool put(const std::optional<T>& from, V* to) {
    if (from) *to = static_cast<V>(*from);
    return from.has_value();
  }
  static std::uint32_t type_of(const Json& json) {
    switch (json.type()) {
      case Json::Type::boolean:
        return DUNE_JSON_TYPE_BOOL;
      case Json::Type::integer:
        return DUNE_JSON_TYPE_INT;
      case Json::Type::real:
        return DUNE_JSON_TYPE_FLOAT;
      case Json::Type::text:
        return DUNE_JSON_TYPE_STRING;
      case Json::Type::array:
        return DUNE_JSON_TYPE_ARRAY;
      case Json::Type::object:
        return DUNE_JSON_TYPE_OBJECT;
      case Json::Type::missing:
      case Json::Type::null:
        break;
    }
    return DUNE_JSON_TYPE_NULL;
  }

  dune_host host_{}, detectors_host_{};
  double unix_seconds_ = 1767225600;  // 2026-01-01 00:00:00 UTC
  std::int64_t monotonic_ms_ = 0;
  std::vector<std::string> withheld_;
  std::deque<CannedReply> replies_;
  CannedReply current_;  // the answer whose memory the plugin sees
  std::string text_;     // of the latest get_str
  std::vector<SentRequest> requests_;
  std::vector<LogLine> lines_;
  std::map<std::string, double> counters_;
  std::map<std::string, std::vector<double>> observed_;
};

}  // namespace testing
}  // namespace v1
}  // namespace dunetrace
