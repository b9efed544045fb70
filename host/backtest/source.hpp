// Where recorded runs come from. A source hands out pieces of work in a fixed order; the work itself (reading JSON,
// asking the database) is done by whoever calls the piece, so that several threads share it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "core/result.hpp"
#include "core/run.hpp"

namespace dunetrace::backtest {

struct RecordedRun {
  RunEvents events;
  Baselines baselines;
  std::string where;  // "line 12", "run 4711": for people
};

// Something that was recorded and is not judged.
struct Skipped {
  std::string where;
  std::string reason;
};

struct Recorded {
  std::vector<RecordedRun> runs;
  std::vector<Skipped> skipped;
};

using Load = std::function<Result<Recorded>()>;  // any thread, once

class Source {
 public:
  virtual ~Source() = default;
  // The next piece; an empty function at the end. One caller at a time; independent of pieces that are still loading.
  [[nodiscard]] virtual Result<Load> next() = 0;
  // Whether a run can turn up a second time.
  [[nodiscard]] virtual bool may_repeat() const = 0;
};

}  // namespace dunetrace::backtest
