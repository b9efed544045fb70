// dunetrace/host.hpp - what the host offers to an instance: log and extensions, in C++17. Header only. A Host may be
// kept as long as the instance lives.
#pragma once
#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/json.h>
#include <dunetrace/ext/metrics.h>
#include <dunetrace/view.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace {
inline namespace v1 {

// Thrown by a constructor or by a call to fail with a status and a reason; never leaves the plugin.
class Failure : public std::runtime_error {
 public:
  Failure(dune_status code, const std::string& why) : std::runtime_error(why), code_(code) {}
  dune_status code() const noexcept { return code_; }

 private:
  dune_status code_;
};

class Host {
 public:
  explicit Host(const dune_host* host) noexcept : host_(host) {}
  const dune_host* raw() const noexcept { return host_; }
  std::string_view version() const noexcept { return view(host_->version); }
  void log(std::uint32_t level, std::string_view message) const noexcept { host_->log(host_, level, str(message)); }
  // nullptr when the host has no such extension or does not grant it.
  template <class Table>
  const Table* extension(const char* id) const noexcept {
    return static_cast<const Table*>(host_->get_extension(host_, lit(id)));
  }

 private:
  const dune_host* host_;
};

// Reads single values out of a JSON text by JSON pointer, through dune.host.json/1. An empty result means: not there,
// of another type, or the text is no JSON.
class JsonReader {
 public:
  // Throws Failure when the host lacks the extension; make it in the detector's constructor.
  explicit JsonReader(Host host) : host_(host.raw()), table_(host.extension<dune_host_json_v1>(DUNE_EXT_HOST_JSON_V1)) {
    if (table_ == nullptr || !DUNE_HAS(table_, dune_host_json_v1, array_len)) {
      throw Failure(DUNE_E_UNSUPPORTED, "the host does not offer " DUNE_EXT_HOST_JSON_V1);
    }
  }

  std::optional<std::uint32_t> type_of(std::string_view json, std::string_view pointer) const noexcept {
    return read<std::uint32_t>(table_->type_of, json, pointer);  // DUNE_JSON_TYPE_*
  }
  std::optional<std::int64_t> i64(std::string_view json, std::string_view pointer) const noexcept {
    return read<std::int64_t>(table_->get_i64, json, pointer);
  }
  std::optional<double> f64(std::string_view json, std::string_view pointer) const noexcept {
    return read<double>(table_->get_f64, json, pointer);
  }
  std::optional<bool> boolean(std::string_view json, std::string_view pointer) const noexcept {
    const auto value = read<std::uint32_t>(table_->get_bool, json, pointer);
    return value ? std::optional(*value != 0) : std::nullopt;
  }
  // Valid until the next call on this host.
  std::optional<std::string_view> string(std::string_view json, std::string_view pointer) const noexcept {
    return text(table_->get_str, json, pointer);
  }
  // A slice of `json`.
  std::optional<std::string_view> raw(std::string_view json, std::string_view pointer) const noexcept {
    return text(table_->get_raw, json, pointer);
  }
  std::optional<std::uint32_t> array_len(std::string_view json, std::string_view pointer) const noexcept {
    return read<std::uint32_t>(table_->array_len, json, pointer);
  }

 private:
  template <class T>
  using Getter = dune_status (*)(const dune_host*, dune_str, dune_str, T*);

  template <class T>
  std::optional<T> read(Getter<T> get, std::string_view json, std::string_view pointer) const noexcept {
    T value{};
    return get(host_, str(json), str(pointer), &value) == DUNE_OK ? std::optional<T>(value) : std::nullopt;
  }
  std::optional<std::string_view> text(Getter<dune_str> get, std::string_view json,
                                       std::string_view pointer) const noexcept {
    const auto value = read<dune_str>(get, json, pointer);
    return value ? std::optional(view(*value)) : std::nullopt;
  }

  const dune_host* host_;
  const dune_host_json_v1* table_;
};

// What time it is, through dune.host.clock/1. For destinations and integrations; detectors judge data, not the present.
class Clock {
 public:
  // Throws Failure when the host does not grant it.
  explicit Clock(Host host) : host_(host.raw()), table_(host.extension<dune_host_clock_v1>(DUNE_EXT_HOST_CLOCK_V1)) {
    if (table_ == nullptr || !DUNE_HAS(table_, dune_host_clock_v1, monotonic_ms)) {
      throw Failure(DUNE_E_UNSUPPORTED, "the host does not grant " DUNE_EXT_HOST_CLOCK_V1);
    }
  }
  double unix_seconds() const noexcept { return table_->unix_seconds(host_); }
  std::int64_t monotonic_ms() const noexcept { return table_->monotonic_ms(host_); }

 private:
  const dune_host* host_;
  const dune_host_clock_v1* table_;
};

// Figures on the host's /metrics page, as dunetrace_plugin_<component>_<name>, through dune.host.metrics/1. Figures are
// never worth a failure: where the host does not take them, they are dropped.
class Metrics {
 public:
  explicit Metrics(Host host) noexcept
      : host_(host.raw()), table_(host.extension<dune_host_metrics_v1>(DUNE_EXT_HOST_METRICS_V1)) {
    if (table_ != nullptr && !DUNE_HAS(table_, dune_host_metrics_v1, histogram_observe)) table_ = nullptr;
  }
  void add(std::string_view name, double amount = 1) const noexcept {
    if (table_ != nullptr) table_->counter_add(host_, str(name), amount);
  }
  void observe(std::string_view name, double value) const noexcept {
    if (table_ != nullptr) table_->histogram_observe(host_, str(name), value);
  }

 private:
  const dune_host* host_;
  const dune_host_metrics_v1* table_;
};

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>>
      headers;  // no line breaks in names and values: the host refuses them
  std::string body;
  std::chrono::milliseconds timeout{10'000};  // the deadline of the call ends it earlier
};

struct HttpReply {
  dune_status error = DUNE_OK;  // otherwise nothing came back: DUNE_E_IO, DUNE_E_TIMEOUT, DUNE_E_DENIED, DUNE_E_INVALID
  std::string why;              // of the error, without the URL
  int status = 0;               // also with DUNE_E_LIMIT: the answer was longer than the host reads
  std::string_view body;        // valid until the next send() with this host
  std::optional<std::chrono::milliseconds> retry_after;  // as the server asked

  bool arrived() const noexcept { return error == DUNE_OK; }
  bool ok() const noexcept { return arrived() && status >= 200 && status < 300; }
};

// One exchange after the other, under the operator's policy, through dune.host.http/1: https only unless allowed, hosts
// of the component's own URL parameters and of the operator's list only, no redirects.
class Http {
 public:
  // Throws Failure when the host does not grant it.
  explicit Http(Host host) : host_(host.raw()), table_(host.extension<dune_host_http_v1>(DUNE_EXT_HOST_HTTP_V1)) {
    if (table_ == nullptr || !DUNE_HAS(table_, dune_host_http_v1, send)) {
      throw Failure(DUNE_E_UNSUPPORTED, "the host does not grant " DUNE_EXT_HOST_HTTP_V1);
    }
  }

  HttpReply send(const HttpRequest& request) const {
    std::vector<dune_header> headers;
    for (const auto& [name, value] : request.headers) headers.push_back({str(name), str(value)});
    dune_http_request record{};
    record.struct_size = sizeof record;
    record.timeout_ms = static_cast<std::uint32_t>(request.timeout.count());
    record.method = str(request.method);
    record.url = str(request.url);
    record.body = str(request.body);
    record.headers = headers.data();
    record.header_count = static_cast<std::uint32_t>(headers.size());
    dune_http_response response{};
    response.struct_size = sizeof response;
    dune_error error{};
    HttpReply reply;
    reply.error = table_->send(host_, &record, &response, &error);
    if (!reply.arrived()) {
      reply.why.assign(error.message,
                       error.message_len < sizeof error.message ? error.message_len : sizeof error.message);
    } else {
      reply.body = view(response.body);
    }
    reply.status = response.status;
    if (response.retry_after_ms > 0) reply.retry_after = std::chrono::milliseconds(response.retry_after_ms);
    return reply;
  }

 private:
  const dune_host* host_;
  const dune_host_http_v1* table_;
};

}  // namespace v1
}  // namespace dunetrace
