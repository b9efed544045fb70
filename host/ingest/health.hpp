// GET /health and GET /ready of the ingest port (spec/wire.md 14). Asks the database at most once a second; on the
// server's workers, for a dead database takes its time to answer.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "core/clock.hpp"
#include "http/message.hpp"
#include "spool/spool.hpp"
#include "store/database.hpp"

namespace dunetrace::ingest {

class Health {
 public:
  Health(store::Database& db, const spool::Spool& spool, const Clock& clock) : db_(db), spool_(spool), clock_(clock) {}

  // 200 or 503 by the state of the database.
  [[nodiscard]] http::Response health();
  // 200 while events are taken: the spool is neither closed nor full. The database may be away.
  [[nodiscard]] http::Response ready() const;

 private:
  [[nodiscard]] Result<> database();

  store::Database& db_;
  const spool::Spool& spool_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<Result<>> last_;
  std::chrono::steady_clock::time_point asked_at_;
  bool asking_ = false;
};

}  // namespace dunetrace::ingest
