// A database with events of days long past.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/retention.hpp"
#include "testing/postgres.hpp"

namespace dunetrace::testing {

class RetentionTest : public ::testing::Test {
 protected:
  // Events with a partition of their own, which arrived on that UTC day at one o'clock.
  void add_day(int days_ago, int events = 3);
  // What arrived for this run goes back in time with its row, into the partitions of those days.
  void age(const std::string& run_id, int days);
  // "events_20261120"
  [[nodiscard]] std::string name_of(int days_ago) const;
  [[nodiscard]] std::vector<std::string> names() const;  // of all partitions but the default one
  [[nodiscard]] bool exists(int days_ago) const;
  [[nodiscard]] std::vector<std::string> due(int days);
  [[nodiscard]] int count() const { return std::stoi(database_.scalar("SELECT count(*) FROM events")); }

  TestDatabase database_;
  store::Database& db_ = database_.db();
};

}  // namespace dunetrace::testing
