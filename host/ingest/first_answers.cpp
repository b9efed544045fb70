#include "ingest/first_answers.hpp"

#include <utility>

#include "core/hash.hpp"

namespace dunetrace::ingest {

FirstAnswers::FirstAnswers(std::vector<spool::FirstAnswer> kept, const Clock& clock) : time_(clock) {
  for (const auto& answer : kept) keep(answer, answer.at);
  forget_old();
}

bool FirstAnswers::begin(const std::string& key, Waiter waiter) {
  std::optional<spool::FirstAnswer> known;
  {
    const std::lock_guard lock(mutex_);
    forget_old();
    const auto [entry, is_new] = entries_.try_emplace(key);
    if (is_new) return true;
    if (!entry->second.answer) {
      entry->second.waiters.push_back(std::move(waiter));
      return false;
    }
    known = entry->second.answer;
  }
  waiter(known);
  return false;
}

void FirstAnswers::settle(const std::string& key, const std::optional<spool::FirstAnswer>& answer) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    waiters = std::exchange(entry->second.waiters, {});
    entries_.erase(entry);
    if (answer) keep(*answer, time_.unix_seconds());
  }
  for (const auto& waiter : waiters) waiter(answer);
}

void FirstAnswers::keep(const spool::FirstAnswer& answer, double at) {
  entries_[answer.key].answer = answer;
  order_.emplace_back(at, answer.key);
}

void FirstAnswers::forget_old() {
  const auto oldest = time_.unix_seconds() - spool::kAnswersKeptSeconds;
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

}  // namespace dunetrace::ingest
