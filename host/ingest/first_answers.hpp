// What was answered to requests with an Idempotency-Key, so that a request that is sent again gets the first answer
// and its batch is not taken twice. The newest keys of the last day; they lie in the spool, too, and come back with it.
// Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/even_time.hpp"
#include "spool/spool.hpp"

namespace dunetrace::ingest {

class FirstAnswers {
 public:
  // The first answer; nothing when the first request came to nothing, so that this one may be sent again.
  using Waiter = std::function<void(const std::optional<spool::FirstAnswer>&)>;

  FirstAnswers(std::vector<spool::FirstAnswer> kept, const Clock& clock);

  // True: this is the first request with the key; the caller goes on and calls settle(). False: `waiter` is called, at
  // once or when the first request is settled.
  [[nodiscard]] bool begin(const std::string& key, Waiter waiter);
  void settle(const std::string& key, const std::optional<spool::FirstAnswer>& answer);

 private:
  struct Entry {
    std::optional<spool::FirstAnswer> answer;  // empty while the first request is on its way
    std::vector<Waiter> waiters;
  };
  void keep(const spool::FirstAnswer& answer, double at);
  void forget_old();

  const EvenTime time_;  // a clock that leaps must not make anybody forgotten
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::pair<double, std::string>> order_;  // answered ones by time
};

// What stands for a customer's key everywhere: 32 bytes. Nobody's key is another's.
[[nodiscard]] std::string scoped_key(std::string_view customer_id, std::string_view key);

}  // namespace dunetrace::ingest
