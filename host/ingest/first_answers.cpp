#include "ingest/first_answers.hpp"

#include <cstring>
#include <utility>

#include "core/hash.hpp"

namespace dunetrace::ingest {

FirstAnswers::FirstAnswers(std::vector<spool::FirstAnswer> kept, const Clock& clock) : clock_(clock) {
  for (const auto& answer : kept) keep(answer);
}

FirstAnswers::Turn FirstAnswers::begin(const std::string& key, std::uint64_t request_hash, Waiter waiter) {
  std::optional<spool::FirstAnswer> known;
  {
    const std::lock_guard lock(mutex_);
    forget_old();
    const auto [entry, is_new] = entries_.try_emplace(key);
    auto& first = entry->second;
    if (is_new) {
      first.request_hash = request_hash;
      return Turn::first;
    }
    const auto used_by = first.answer ? first.answer->request_hash : first.request_hash;
    if (used_by != 0 && used_by != request_hash) return Turn::conflict;
    if (!first.answer) {
      first.waiters.push_back(std::move(waiter));
      return Turn::repeated;
    }
    known = first.answer;
  }
  waiter(known);
  return Turn::repeated;
}

void FirstAnswers::settle(const std::string& key, const std::optional<spool::FirstAnswer>& answer) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    waiters = std::exchange(entry->second.waiters, {});
    entries_.erase(entry);
    if (answer) keep(*answer);
  }
  for (const auto& waiter : waiters) waiter(answer);
}

void FirstAnswers::keep(const spool::FirstAnswer& answer) {
  entries_[answer.key].answer = answer;
  order_.emplace_back(clock_.steady(), answer.key);
}

void FirstAnswers::forget_old() {
  const auto oldest = clock_.steady() - spool::kAnswersKept;
  while (!order_.empty() && (order_.size() > spool::kMostAnswers || order_.front().first < oldest)) {
    entries_.erase(order_.front().second);
    order_.pop_front();
  }
}

std::string scoped_key(std::string_view customer_id, std::string_view key) {
  std::string both(customer_id);
  both.push_back('\0');
  both.append(key);
  const auto hash = sha256(both);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::uint64_t request_hash(std::string_view body) {
  const auto hash = sha256(body);
  std::uint64_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value == 0 ? 1 : value;
}

}  // namespace dunetrace::ingest
