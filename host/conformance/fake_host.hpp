// What a test offers a plugin instance instead of the real host: dune_host, the JSON reader, a clock that stands still,
// metrics that are thrown away, and HTTP exchanges with canned answers. It makes no system call itself. Must outlive
// the instance; one thread.
#pragma once

#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/json.h>
#include <dunetrace/ext/metrics.h>
#include <dunetrace/plugin.h>

#include <string>
#include <utility>
#include <vector>

#include "conformance/flat_run.hpp"
#include "conformance/guarded.hpp"
#include "json/reader.hpp"

namespace dunetrace::conformance {

// What a receiver answers; `error` other than DUNE_OK: nothing came back.
struct Answer {
  int status = 200;
  std::string body = "{}";
  std::int64_t retry_after_ms = 0;
  dune_status error = DUNE_OK;
};

struct Sent {
  std::string method, url, body;
  std::vector<std::pair<std::string, std::string>> headers;
};

class FakeHost {
 public:
  // `network`: grants http and the clock, as for alerts and integrations.
  FakeHost(const HostShape& shape, bool network, GuardedMemory& memory);
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] const dune_host* raw() const { return host_; }
  Answer answer;           // to every request
  std::vector<Sent> sent;  // since the last time somebody looked
  // What is wrong with requests and log lines; empty when nothing is.
  std::vector<std::string> breaches;

 private:
  friend struct FakeCalls;
  Result<json::Value> find(dune_str text, dune_str pointer);
  dune_status send(const dune_http_request* request, dune_http_response* response, dune_error* error);

  HostShape shape_;
  bool network_;
  json::Parser parser_;
  std::string body_;
  const dune_host_json_v1* json_;
  const dune_host_clock_v1* clock_;
  const dune_host_metrics_v1* metrics_;
  const dune_host_http_v1* http_;
  const dune_host* host_;
};

// True when `text` is valid UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace dunetrace::conformance
