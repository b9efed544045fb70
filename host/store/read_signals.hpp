// Signals as the API shows them. Called by the api role from any of its workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "store/database.hpp"
#include "store/read_scope.hpp"

namespace dunetrace::store {

struct SignalRow {
  std::int64_t id = 0;
  std::string failure_type;
  std::string severity;
  std::string run_id;
  std::string agent_id;
  std::string agent_version;
  std::int32_t step_index = 0;
  double confidence = 0;   // as stored, a 4-byte float: round where it leaves the system
  std::string evidence;    // a JSON object
  double detected_at = 0;  // Unix seconds, like every time below
  bool shadow = false;
  bool alerted = false;
  std::int32_t co_signal_count = 0;
  std::string detector_id;  // which component found it, the version of its library, and what it was told
  std::string detector_version;
  std::string config_hash;
  std::optional<double> withdrawn_at;  // a later look at the run did not find it again
};

// One signal with what lists leave out.
struct StoredSignal {
  SignalRow signal;
  std::string customer_id;
};

struct SignalFilter {
  std::optional<std::string> severity;      // exactly as stored
  std::optional<std::string> failure_type;  // exactly as stored
  bool include_shadow = false;
  bool include_withdrawn = false;
};

// Signals of one agent, newest first. An agent that is not in `scope` is Code::not_found, or an empty list when the
// scope is everything.
[[nodiscard]] Result<Listing<SignalRow>> list_signals(Database& db, const Scope& scope, const std::string& agent_id,
                                                      const SignalFilter& filter, PageRequest page);

// Code::not_found when there is no such signal, or none that `scope` may see. Shadow and withdrawn ones are found.
[[nodiscard]] Result<StoredSignal> load_signal(Database& db, const Scope& scope, std::int64_t id);

}  // namespace dunetrace::store
