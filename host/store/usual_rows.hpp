// Reading run_samples inside of a transaction. Internal to store/: it shows libpqxx.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "store/session.hpp"
#include "store/usual.hpp"

namespace dunetrace::store {

struct AskedVersion {
  VersionKey version;
  std::int64_t known = -1;  // the agent's counter that the asker has; only what has moved since is read
};

struct ReadVersion {
  std::int64_t judged = 0;  // the agent's counter
  bool moved = false;       // `runs` is new
  UsualRuns runs;
};

struct UnreadableSample : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One for each asked, in that order; at most `most` runs of each. Throws UnreadableSample for a row that makes no
// sense.
[[nodiscard]] std::vector<ReadVersion> read_usual(pqxx::work& tx, const std::vector<AskedVersion>& asked,
                                                  std::size_t most = UsualRuns::kLoaded);

// The same, but nothing usual and the reason in `error` where it cannot be read; the transaction goes on. The counters
// are -1 then.
[[nodiscard]] std::vector<ReadVersion> try_read_usual(pqxx::work& tx, const std::vector<AskedVersion>& asked,
                                                      std::string& error, std::size_t most = UsualRuns::kLoaded);

}  // namespace dunetrace::store
