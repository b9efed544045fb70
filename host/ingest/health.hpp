// GET /health and GET /ready of the ingest port (spec/wire.md 14). Asks the database at most once a second; on the
// server's workers, for a dead database takes its time to answer.
#pragma once

#include "core/clock.hpp"
#include "http/message.hpp"
#include "spool/spool.hpp"
#include "store/health_probe.hpp"

namespace dunetrace::ingest {

class Health {
 public:
  // `unlocked`: this host's plugins need no lock file.
  Health(store::Database& db, const spool::Spool& spool, const Clock& clock, bool unlocked = false)
      : probe_(db, clock), spool_(spool), unlocked_(unlocked) {}

  // 200 or 503 by the state of the database; with "plugins":"unlocked" when they are.
  [[nodiscard]] http::Response health();
  // 200 while events are taken: the queue is neither closed nor full. The database may be away.
  [[nodiscard]] http::Response ready() const;

 private:
  store::HealthProbe probe_;
  const spool::Spool& spool_;
  const bool unlocked_;
};

}  // namespace dunetrace::ingest
