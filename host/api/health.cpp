#include "api/health.hpp"

#include "json/writer.hpp"

namespace dunetrace::api {

namespace {

constexpr auto kKeep = std::chrono::seconds(1);

http::Response answer(const Result<>& database, std::string_view good, std::string_view bad) {
  json::Writer out;
  out.begin_object();
  out.field("status", database ? good : bad);
  out.field("db", database ? std::string_view("ok") : std::string_view(database.error().text));
  out.end_object();
  auto response = http::Response::json(database ? 200 : 503, out.take());
  return database ? std::move(response) : std::move(response).with("Retry-After", "1");
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

http::Response Health::health() { return answer(database(), "ok", "degraded"); }

http::Response Health::ready() { return answer(database(), "ready", "unavailable"); }

}  // namespace dunetrace::api
