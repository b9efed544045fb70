#include "api/health.hpp"

#include "json/writer.hpp"

namespace dunetrace::api {

namespace {

http::Response answer(const Result<>& database, std::string_view good, std::string_view bad, bool reload_failed) {
  json::Writer out;
  out.begin_object();
  out.field("status", database ? good : bad);
  out.field("db", database ? std::string_view("ok") : std::string_view(database.error().text));
  if (reload_failed) out.field("reload", "failed");
  out.end_object();
  auto response = http::Response::json(database ? 200 : 503, out.take());
  return database ? std::move(response) : std::move(response).with("Retry-After", "1");
}

}  // namespace

http::Response Health::health() { return answer(probe_.database(), "ok", "degraded", !live_.reload_state().ok); }

http::Response Health::ready() { return answer(probe_.database(), "ready", "unavailable", false); }

}  // namespace dunetrace::api
