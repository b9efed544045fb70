#include "ingest/health.hpp"

#include "json/writer.hpp"

namespace dunetrace::ingest {

namespace {

constexpr auto kKeep =
    std::chrono::milliseconds(900);  // "about a second", and a probe once a second gets a fresh answer

http::Response not_stored(http::Response response) {
  if (response.status != 200) response.headers.emplace_back("Retry-After", "1");
  return std::move(response).with("Cache-Control", "no-store");
}

}  // namespace

Result<> Health::database() {
  {
    const std::lock_guard lock(mutex_);
    // While one thread asks, the others repeat the answer before: a dead database must not hold all workers.
    if (last_ && (asking_ || clock_.steady() - asked_at_ < kKeep)) return *last_;
    asking_ = true;
  }
  auto result = db_.ping();
  const std::lock_guard lock(mutex_);
  asking_ = false;
  asked_at_ = clock_.steady();
  last_ = result;
  return result;
}

http::Response Health::health() {
  const auto state = database();
  json::Writer out;
  out.begin_object();
  out.field("status", state ? "ok" : "degraded");
  out.field("version", DUNETRACE_VERSION);
  out.field("db", state ? std::string_view("ok") : std::string_view(state.error().text));
  out.end_object();
  return not_stored(http::Response::json(state ? 200 : 503, out.take()));
}

http::Response Health::ready() const {
  const bool full = spool_.full();
  if (spool_.closed() || full) {
    return not_stored(http::Response::error(503, full ? "the spool is full" : "the service is stopping"));
  }
  return not_stored(http::Response::json(200, R"({"status":"ready"})"));
}

}  // namespace dunetrace::ingest
