#include "ingest/health.hpp"

#include "json/writer.hpp"

namespace dunetrace::ingest {

namespace {

http::Response not_stored(http::Response response) {
  if (response.status != 200) response.headers.emplace_back("Retry-After", "1");
  return std::move(response).with("Cache-Control", "no-store");
}

}  // namespace

http::Response Health::health() {
  const auto state = probe_.database();
  json::Writer out;
  out.begin_object();
  out.field("status", state ? "ok" : "degraded");
  out.field("version", DUNETRACE_VERSION);
  out.field("db", state ? std::string_view("ok") : std::string_view(state.error().text));
  if (unlocked_) out.field("plugins", "unlocked");
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
