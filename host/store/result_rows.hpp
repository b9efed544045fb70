// The statements that write results, each for many runs at once. Internal to store/: it shows libpqxx. What is empty
// asks the database nothing.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "store/issue_fold.hpp"
#include "store/run_results.hpp"
#include "store/session.hpp"

namespace dunetrace::store {

// What an earlier look at a run left.
struct EarlierLook {
  VersionKey version;
  Look look;                        // live types that stood, and when
  std::vector<std::string> shadow;  // types that stood in shadow
};

// One result on its way into the tables.
struct ResultRow {
  const RunResult* result = nullptr;
  const EarlierLook* earlier = nullptr;  // nullptr: this is the first look
  std::int64_t seq = 0;
  std::int64_t at_us = 0;              // when it was judged; of an agent's judgements no two at one time
  std::int64_t place_us = 0;           // since when it says what it says: its place among its agent's runs
  std::vector<std::string> standing;   // types of the earlier look that nobody could look for
  std::vector<std::string> withdrawn;  // that do not hold any more
};

void write_signals(pqxx::work& tx, const std::vector<ResultRow>& rows);
void write_samples(pqxx::work& tx, const std::vector<ResultRow>& rows);
void write_processed(pqxx::work& tx, const std::vector<ResultRow>& rows);
// Of runs with nothing to judge: whatever an earlier look said stays.
void write_left_alone(pqxx::work& tx, const std::vector<ResultRow>& rows);

// Leaves the newest samples of each of these, with enough to spare for those that may yet be taken back.
void prune_samples(pqxx::work& tx, const std::set<VersionKey>& versions);

}  // namespace dunetrace::store
