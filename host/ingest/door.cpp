#include "ingest/door.hpp"

#include <chrono>
#include <future>
#include <memory>

namespace dunetrace::ingest {

namespace {

constexpr auto kVerdictLimit = std::chrono::seconds(5);

}  // namespace

http::Response unavailable() {
  return http::Response::error(503, "Service temporarily unavailable").with("Retry-After", "1");
}

http::Response refusal(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::no_scope:
    case Verdict::Kind::foreign_agent:
      return http::Response::error(403, verdict.detail);
    case Verdict::Kind::unavailable:
      return unavailable();
    case Verdict::Kind::allowed:
    case Verdict::Kind::unknown_key:
      break;
  }
  return http::Response::error(401, "API key is unknown or inactive").with("WWW-Authenticate", "Bearer");
}

std::optional<http::Response> refused_by_rate(RateLimit& rate, const Auth& auth, std::string_view key,
                                              const std::string& address) {
  if (!rate.active()) return std::nullopt;
  const bool own = !key.starts_with("dt_dev_") && auth.known(key);
  const auto seconds = rate.refuse(own ? "key " + std::string(key) : "address " + address);
  if (!seconds) return std::nullopt;
  return http::Response::error(429, "too many requests").with("Retry-After", std::to_string(*seconds));
}

Verdict wait_for_verdict(Auth& auth, std::string_view key, std::vector<std::string> agents, std::size_t bytes) {
  auto promise = std::make_shared<std::promise<Verdict>>();  // the answer may come after we have gone
  auto answer = promise->get_future();
  auth.check(key, std::move(agents), bytes, [promise](Verdict verdict) { promise->set_value(std::move(verdict)); });
  if (answer.wait_for(kVerdictLimit) != std::future_status::ready)
    return {.kind = Verdict::Kind::unavailable, .customer_id = {}, .detail = {}};
  return answer.get();
}

}  // namespace dunetrace::ingest
