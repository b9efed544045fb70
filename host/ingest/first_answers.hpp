// What was answered to requests with an Idempotency-Key, so that a request that is sent again gets the first answer
// and its batch is not taken twice. Another request under a used key is told so: its events would be lost for an answer
// that was not theirs. The newest keys of a day, which begins anew with every start; they lie in the spool, too, and
// come back with it. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "spool/spool.hpp"

namespace dunetrace::ingest {

class FirstAnswers {
 public:
  // The first answer; nothing when the first request came to nothing, so that this one may be sent again.
  using Waiter = std::function<void(const std::optional<spool::FirstAnswer>&)>;
  enum class Turn : std::uint8_t {
    first,     // the caller goes on and calls settle()
    repeated,  // the waiter is called, at once or when the first request is settled
    conflict   // another request has used the key; the waiter is not called
  };

  FirstAnswers(std::vector<spool::FirstAnswer> kept, const Clock& clock);

  // `request_hash` tells requests apart; 0 is the hash of one that nobody remembers and equals every other.
  [[nodiscard]] Turn begin(const std::string& key, std::uint64_t request_hash, Waiter waiter);
  void settle(const std::string& key, const std::optional<spool::FirstAnswer>& answer);

 private:
  struct Entry {
    std::uint64_t request_hash = 0;            // of a request on its way
    std::optional<spool::FirstAnswer> answer;  // empty while the first request is on its way
    std::vector<Waiter> waiters;
  };
  void keep(const spool::FirstAnswer& answer);
  void forget_old();

  const Clock& clock_;  // its steady part alone: one that leaps must not make anybody forgotten
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>> order_;  // answered ones, since when
};

// What stands for a customer's key everywhere: 32 bytes. Nobody's key is another's.
[[nodiscard]] std::string scoped_key(std::string_view customer_id, std::string_view key);

// What tells a request from another one with the same key: its body.
[[nodiscard]] std::uint64_t request_hash(std::string_view body);

}  // namespace dunetrace::ingest
