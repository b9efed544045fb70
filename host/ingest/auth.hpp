// Who may write (spec/wire.md 3.3). Answers come from a snapshot of all active keys, so that the threads that read
// requests never wait for PostgreSQL and ingest goes on while it is away. One thread keeps the snapshot fresh: on
// NOTIFY, every 15 seconds, and when a key is asked for that it does not know. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.hpp"
#include "core/clock.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::ingest {

inline constexpr std::string_view kDevCustomer = "dev_customer";

struct Verdict {
  enum class Kind : unsigned char {
    allowed,
    unknown_key,    // 401
    no_scope,       // 403: the key may read, not write
    foreign_agent,  // 403: another customer's agent, or not the one the key is confined to; `detail` says which
    unavailable     // 503: not cached, and the database is away
  };
  Kind kind = Kind::unknown_key;
  std::string customer_id;  // when allowed
  std::string detail;
};

struct AuthOptions {
  bool dev_mode = true;
  std::chrono::milliseconds refresh_interval{15'000};
  // Between two refreshes that unknown keys ask for: a flood of them must not become one of queries.
  std::chrono::milliseconds least_interval{100};
  // Requests with unknown keys, whose memory strangers fill; more are turned away with 503.
  std::size_t most_waiting = 1024;
  std::size_t most_waiting_bytes = 32 * 1024 * 1024;  // three bodies of the largest size
};

class Auth {
 public:
  using Answer = std::function<void(Verdict)>;

  // `db` allows one connection for this; everything passed in outlives the object.
  Auth(AuthOptions options, store::Database& db, telemetry::Logger& log, telemetry::Metrics& metrics);
  ~Auth();  // answers who still waits with `unavailable`
  Auth(const Auth&) = delete;
  Auth& operator=(const Auth&) = delete;

  // Calls `answer` once: at once, or from the refreshing thread when the key has to be looked up.
  // `agents` are the agents the batch names, `bytes` is the memory that `answer` keeps while it waits.
  void check(std::string_view key, std::vector<std::string> agents, std::size_t bytes, Answer answer);

  // Whether the key is in the snapshot; for the rate limiter, whose table strangers must not fill.
  [[nodiscard]] bool known(std::string_view key) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The key of an Authorization header ("Bearer <key>", the word in any case); empty when there is none.
[[nodiscard]] std::string_view bearer_key(std::string_view header);

// The agents a batch names, each once.
[[nodiscard]] std::vector<std::string> agents_of(const AcceptedBatch& batch, std::string_view body_agent);

}  // namespace dunetrace::ingest
