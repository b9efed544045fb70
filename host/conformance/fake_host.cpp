#include "conformance/fake_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "json/writer.hpp"
#include "plugin/take.hpp"

namespace dunetrace::conformance {

using plugin::to_str;
using plugin::view;

bool is_utf8(std::string_view text) { return json::repair_utf8(text) == text; }

// The C callbacks; each is noexcept, nothing of ours may throw through a plugin's frames.
struct FakeCalls {
  static FakeHost& self(const dune_host* h) { return *static_cast<FakeHost*>(h->impl); }

  static void log(const dune_host* h, std::uint32_t, dune_str message) noexcept {
    if (!is_utf8(view(message))) self(h).breaches.emplace_back("a log line is not valid UTF-8");
  }
  static const void* get_extension(const dune_host* h, dune_str id) noexcept {
    const auto& host = self(h);
    if (!host.shape_.extensions) return nullptr;
    if (view(id) == DUNE_EXT_HOST_JSON_V1) return host.json_;
    if (view(id) == DUNE_EXT_HOST_METRICS_V1) return host.metrics_;
    if (view(id) == DUNE_EXT_HOST_CLOCK_V1 && host.network_) return host.clock_;
    if (view(id) == DUNE_EXT_HOST_HTTP_V1 && host.network_) return host.http_;
    return nullptr;
  }

  template <class F>
  static dune_status with(const dune_host* h, dune_str text, dune_str pointer, F get) noexcept {
    try {
      const auto value = self(h).find(text, pointer);
      if (!value) return DUNE_E_INVALID;
      if (value->missing()) return DUNE_JSON_ABSENT;
      if (!get(*value)) return DUNE_JSON_OTHER_TYPE;
      return DUNE_OK;
    } catch (...) {
      return DUNE_E_LIMIT;
    }
  }
  template <class T, class V>
  static bool put(const std::optional<T>& from, V* to) {
    if (from) *to = static_cast<V>(*from);
    return from.has_value();
  }
  static dune_status type_of(const dune_host* h, dune_str j, dune_str p, std::uint32_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) {
      using Kind = json::Value::Kind;
      static constexpr std::pair<Kind, std::uint32_t> kTypes[] = {
          {Kind::boolean, DUNE_JSON_TYPE_BOOL}, {Kind::integer, DUNE_JSON_TYPE_INT},
          {Kind::real, DUNE_JSON_TYPE_FLOAT},   {Kind::string, DUNE_JSON_TYPE_STRING},
          {Kind::array, DUNE_JSON_TYPE_ARRAY},  {Kind::object, DUNE_JSON_TYPE_OBJECT}};
      *out = DUNE_JSON_TYPE_NULL;
      for (const auto& [kind, type] : kTypes) *out = v.kind() == kind ? type : *out;
      return true;
    });
  }
  static dune_status get_i64(const dune_host* h, dune_str j, dune_str p, std::int64_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) { return put(v.integer(), out); });
  }
  static dune_status get_f64(const dune_host* h, dune_str j, dune_str p, double* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) { return put(v.number(), out); });
  }
  static dune_status get_bool(const dune_host* h, dune_str j, dune_str p, std::uint32_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) { return put(v.boolean(), out); });
  }
  static dune_status get_str(const dune_host* h, dune_str j, dune_str p, dune_str* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) {
      const auto text = v.string();
      if (text) *out = to_str(*text);
      return text.has_value();
    });
  }
  static dune_status get_raw(const dune_host* h, dune_str j, dune_str p, dune_str* out) noexcept {
    return with(h, j, p, [&](const json::Value&) {
      *out = to_str(json::raw_at(view(j), view(p)));
      return out->len > 0;
    });
  }
  static dune_status array_len(const dune_host* h, dune_str j, dune_str p, std::uint32_t* out) noexcept {
    return with(h, j, p, [out](const json::Value& v) {
      if (v.is_array()) *out = static_cast<std::uint32_t>(v.size());
      return v.is_array();
    });
  }

  static double unix_seconds(const dune_host*) noexcept { return 1'767'225'600.0; }  // 2026-01-01
  static std::int64_t monotonic_ms(const dune_host*) noexcept { return 1'000'000; }
  static dune_status figure(const dune_host* h, dune_str name, double value) noexcept {
    if (std::isfinite(value) && name.len > 0 && name.len <= 64) return DUNE_OK;
    self(h).breaches.emplace_back("a metric has no name of 1 to 64 bytes, or its value is not finite");
    return DUNE_E_INVALID;
  }
  static dune_status send(const dune_host* h, const dune_http_request* request, dune_http_response* response,
                          dune_error* error) noexcept {
    try {
      return self(h).send(request, response, error);
    } catch (...) {
      return DUNE_E_INTERNAL;
    }
  }
};

FakeHost::FakeHost(const HostShape& shape, bool network, GuardedMemory& memory) : shape_(shape), network_(network) {
  const auto table = [&](const auto& record) { return place(record, shape, memory); };
  json_ =
      table(dune_host_json_v1{sizeof(dune_host_json_v1), 0, FakeCalls::type_of, FakeCalls::get_i64, FakeCalls::get_f64,
                              FakeCalls::get_bool, FakeCalls::get_str, FakeCalls::get_raw, FakeCalls::array_len});
  clock_ = table(dune_host_clock_v1{sizeof(dune_host_clock_v1), 0, FakeCalls::unix_seconds, FakeCalls::monotonic_ms});
  metrics_ = table(dune_host_metrics_v1{sizeof(dune_host_metrics_v1), 0, FakeCalls::figure, FakeCalls::figure});
  http_ = table(dune_host_http_v1{sizeof(dune_host_http_v1), 1024 * 1024, FakeCalls::send});
  dune_host host{};
  host.struct_size = sizeof host;
  host.abi_major = DUNE_ABI_MAJOR;
  host.abi_minor = static_cast<std::uint16_t>(shape.newer ? DUNE_ABI_MINOR + 7 : 0);
  host.impl = this;
  host.name = to_str("dunetrace");
  host.version = to_str("1.0.0");
  host.log = FakeCalls::log;
  host.get_extension = FakeCalls::get_extension;
  host_ = table(host);
}

Result<json::Value> FakeHost::find(dune_str text, dune_str pointer) {
  DUNE_TRY(root, parser_.parse(view(text)));
  return json::at_pointer(root, view(pointer));
}

dune_status FakeHost::send(const dune_http_request* given, dune_http_response* response, dune_error* error) {
  dune_http_request request{};
  if (response == nullptr || !plugin::take(given, request, offsetof(dune_http_request, header_count) + 4)) {
    breaches.emplace_back("a request record is smaller than version 1.0 has it, or there is none for the answer");
    return DUNE_E_INVALID;
  }
  Sent one{std::string(view(request.method)), std::string(view(request.url)), std::string(view(request.body)), {}};
  const auto clean = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
  };
  if (one.method.empty() || !std::ranges::all_of(one.method, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    breaches.push_back(fmt::format("'{}' is no HTTP method", one.method));
  }
  if (!one.url.starts_with("https://") && !one.url.starts_with("http://")) {
    breaches.emplace_back("a request's URL begins with neither https:// nor http://");
  }
  for (std::uint32_t i = 0; i < request.header_count && request.headers != nullptr; ++i) {
    const auto name = view(request.headers[i].name), value = view(request.headers[i].value);
    if (name.empty() || !clean(name) || !clean(value)) {
      breaches.push_back(fmt::format("header '{}' is empty or has CR, LF or NUL in it", json::repair_utf8(name)));
    }
    one.headers.emplace_back(name, value);
  }
  sent.push_back(std::move(one));
  if (answer.error != DUNE_OK) {
    if (error != nullptr) {
      *error = {};
      error->code = answer.error;
      error->message_len = 10;
      std::memcpy(error->message, "no answer.", 10);
    }
    return answer.error;
  }
  body_ = answer.body;
  dune_http_response out{};
  const auto room = response->struct_size == 0 ? static_cast<std::uint32_t>(sizeof out) : response->struct_size;
  out.struct_size = room;
  out.status = answer.status;
  out.body = to_str(body_);
  out.retry_after_ms = answer.retry_after_ms;
  std::memcpy(response, &out, std::min<std::size_t>(room, sizeof out));
  return DUNE_OK;
}

}  // namespace dunetrace::conformance
