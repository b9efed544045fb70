// Keeps the partitions of events: some days ahead are made, those older than the limit are dropped. One thread per
// host; any number of hosts may have one, for every step is done under a lock in the database.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/database.hpp"
#include "store/retention.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::retention {

struct KeeperOptions {
  int days = 30;  // EVENT_RETENTION_DAYS; 0: nothing is dropped
  int days_ahead = 7;
  std::chrono::milliseconds look{60'000};  // whether partitions are missing, as when the clock has jumped
  std::chrono::milliseconds pass{3'600'000};
  std::chrono::milliseconds retry{300'000};    // after a pass that failed or met a partition in use
  std::chrono::milliseconds patience{10'000};  // for one partition in use
};

class Keeper {
 public:
  // The first pass begins at once. Everything outlives the keeper; `db` has a connection for it.
  Keeper(KeeperOptions options, store::Database& db, telemetry::Logger& log, telemetry::Metrics& metrics);
  ~Keeper();  // ends after the statement in progress
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] Result<> make();
  using Partitions = std::vector<store::EventPartition>;
  [[nodiscard]] Result<bool> pass(bool doubtful, const std::stop_token& stop);  // false: not all of it could be done
  [[nodiscard]] Result<bool> drop(Partitions& partitions, const std::stop_token& stop);
  void look_over(const Partitions& partitions, bool doubtful);
  void told(const Result<>& done);
  void wait(const std::stop_token& stop);

  const KeeperOptions options_;
  store::Database& db_;
  telemetry::Logger& log_;
  telemetry::Counter& dropped_;
  telemetry::Counter& failures_;
  telemetry::Gauge& held_;
  telemetry::Gauge& oldest_;
  telemetry::Gauge& strays_;
  std::string last_failure_;  // of the thread alone
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace dunetrace::retention
