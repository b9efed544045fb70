// Who is asking: maps the Authorization header to the customer whose rows may be shown (spec/api.md 1.1).
// Thread-safe. Known keys are remembered for a short while, or until forget(): a revoked one works at most that long.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>

#include "core/clock.hpp"
#include "http/message.hpp"
#include "store/database.hpp"
#include "store/read_scope.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::api {

constexpr auto kKeyCacheTime = std::chrono::seconds(15);

class Authenticator {
 public:
  Authenticator(bool dev, store::Database& db, telemetry::Logger& log, const Clock& clock)
      : dev_(dev), db_(db), log_(log), clock_(clock) {}

  // The scope, or the answer that refuses: 401 without an active key, 403 without the scope `read`, 503 when the key
  // is not remembered and the database is away.
  [[nodiscard]] tl::expected<store::Scope, http::Response> admit(const http::Request& request);

  // A key was changed: every one is looked up again.
  void forget();

 private:
  struct Known {
    std::string customer_id;
    bool may_read = false;
    bool admin = false;
    std::chrono::steady_clock::time_point until;
  };
  [[nodiscard]] std::optional<Known> remembered(const std::string& hash) const;
  // `asked_in` is the age in which the database was asked; what a forget() has overtaken is not remembered.
  void remember(const std::string& hash, Known known, std::uint64_t asked_in);
  [[nodiscard]] std::uint64_t age() const;

  const bool dev_;
  store::Database& db_;
  telemetry::Logger& log_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;  // by the hash of the key, never the key
  std::uint64_t age_ = 0;                         // counts the calls of forget()
};

// The key of an Authorization header: "Bearer <key>" in any case, or the key alone. Empty when there is none.
[[nodiscard]] std::string_view bearer_key(std::string_view header);

}  // namespace dunetrace::api
