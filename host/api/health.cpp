#include "api/health.hpp"

#include "json/writer.hpp"
#include "store/read_plugins.hpp"

namespace dunetrace::api {

namespace {

constexpr auto kKeep = std::chrono::milliseconds(900);  // a probe once a second gets a fresh answer

http::Response answer(const Result<>& database, std::string_view good, std::string_view bad, bool reload_failed,
                      bool unlocked, const std::vector<std::string>& quarantined = {}) {
  json::Writer out;
  out.begin_object();
  out.field("status", database ? good : bad);
  out.field("db", database ? std::string_view("ok") : std::string_view(database.error().text));
  if (reload_failed) out.field("reload", "failed");
  if (unlocked) out.field("plugins", "unlocked");
  if (!quarantined.empty()) {
    out.key("quarantined");
    out.begin_array();
    for (const auto& component : quarantined) out.string(component);
    out.end_array();
  }
  out.end_object();
  auto response = http::Response::json(database ? 200 : 503, out.take());
  return database ? std::move(response) : std::move(response).with("Retry-After", "1");
}

}  // namespace

http::Response Health::health() {
  const auto database = probe_.database();
  return answer(database, "ok", "degraded", !live_.reload_state().ok, live_.current()->registry.unlocked(),
                database ? quarantined() : std::vector<std::string>());
}

// Like the probe: asked once a second, and only by one of those who want to know.
std::vector<std::string> Health::quarantined() {
  {
    const std::lock_guard lock(mutex_);
    if (asked_at_ && clock_.steady() - *asked_at_ < kKeep) return quarantined_;
    asked_at_ = clock_.steady();
  }
  const auto notices = store::plugin_notices(db_);
  const std::lock_guard lock(mutex_);
  if (notices) {
    quarantined_.clear();
    for (const auto& notice : *notices) quarantined_.push_back(notice.component);
  }
  return quarantined_;
}

http::Response Health::ready() { return answer(probe_.database(), "ready", "unavailable", false, false); }

}  // namespace dunetrace::api
