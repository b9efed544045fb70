// Says which plugin ended or blocked the process, in which run: calls are marked, fatal signals and exits are caught,
// and a watchdog looks for calls that never return. Plugins stay in this process for speed; the tool cannot go on, but
// it does not end without a word. Marks belong to their thread.
//   CallWatch watch;                              // one per process at a time
//   { const CallWatch::Mark mark("my_detector", run_id); … }
#pragma once

#include <string_view>
#include <thread>

namespace dunetrace::backtest {

class CallWatch {
 public:
  // Prints one line on stderr and ends the process with exit code 1 when a marked call crashes, exits or hangs.
  CallWatch();
  ~CallWatch();
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

  // "my_detector in run r-1"; without a run only the first. The texts outlive the mark.
  class Mark {
   public:
    explicit Mark(std::string_view who, std::string_view run = {});
    ~Mark();
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
  };

 private:
  std::jthread watchdog_;
};

}  // namespace dunetrace::backtest
