// Recorded runs in the database: those whose last event arrived within a time, of all customers. A run that is still
// going on (not finished, and no detector has seen it) is skipped. Each comes with what is usual for its agent and
// version today, itself left out: what was usual when it was judged first is not kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backtest/source.hpp"
#include "store/database.hpp"
#include "store/recorded_runs.hpp"

namespace dunetrace::backtest {

struct DatabaseRules {
  double received_after = 0;  // Unix seconds
  std::string agent;          // empty = all
};

class DatabaseSource final : public Source {
 public:
  // `db` outlives the source and allows a connection per thread, and one more.
  DatabaseSource(store::Database& db, DatabaseRules rules) : db_(db), rules_(std::move(rules)) {}

  [[nodiscard]] Result<Load> next() override;
  [[nodiscard]] bool may_repeat() const override { return false; }

 private:
  [[nodiscard]] Result<Recorded> load(const std::vector<store::RecordedRun>& page) const;

  store::Database& db_;
  const DatabaseRules rules_;
  store::RunKey after_;
  bool ended_ = false;
};

}  // namespace dunetrace::backtest
