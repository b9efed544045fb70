#include "ingest/auth.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

#include "core/hash.hpp"
#include "ingest/guarded.hpp"
#include "store/keys.hpp"
#include "store/notifications.hpp"

namespace dunetrace::ingest {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

struct HashOfHash {
  std::size_t operator()(const Sha256& hash) const {
    std::size_t value = 0;
    std::memcpy(&value, hash.data(), sizeof value);
    return value;
  }
};

// What a key may do.
struct Grant {
  explicit Grant(store::ActiveKey key)
      : customer_id(std::move(key.customer_id)),
        only_agent(key.confined ? std::move(key.agent_id) : std::nullopt),
        may_ingest(std::ranges::find(key.scopes, "ingest") != key.scopes.end()) {}

  const std::string customer_id;
  const std::optional<std::string> only_agent;
  const bool may_ingest;
  mutable std::atomic<bool> used = false;  // since it was last noted in the database
};

// All active keys at one moment; immutable but for what is noted about their use.
struct Snapshot {
  std::unordered_map<Sha256, Grant, HashOfHash> keys;
  std::map<std::string, std::set<std::string>, std::less<>> owners;  // agent → customers whose keys name it
};

std::shared_ptr<const Snapshot> snapshot_of(std::vector<store::ActiveKey> keys) {
  auto snapshot = std::make_shared<Snapshot>();
  for (auto& key : keys) {
    if (key.agent_id) snapshot->owners[*key.agent_id].insert(key.customer_id);
    const auto hash = key.hash;
    snapshot->keys.try_emplace(hash, std::move(key));
  }
  return snapshot;
}

struct Waiting {
  Sha256 hash;
  std::vector<std::string> agents;
  std::size_t bytes = 0;
  Auth::Answer answer;
};

Verdict unavailable() { return {Verdict::Kind::unavailable, {}, {}}; }
Verdict foreign(const std::string& agent) {
  return {Verdict::Kind::foreign_agent, {}, "API key is not allowed to write to agent '" + agent + "'"};
}

}  // namespace

struct Auth::Impl {
  const AuthOptions options;
  store::Database& db;
  telemetry::Logger& log;
  telemetry::Counter& refreshed;
  telemetry::Counter& failed;

  mutable std::mutex mutex;
  std::condition_variable_any changed;
  std::shared_ptr<const Snapshot> snapshot;  // nullptr until the first load
  std::vector<Waiting> waiting;
  std::size_t held = 0, held_bytes = 0;  // of those that wait and those that are being answered
  bool notified = true;                  // the first load is due at once
  std::jthread refresher;
  std::unique_ptr<store::Notifications> notifications;

  Impl(AuthOptions o, store::Database& d, telemetry::Logger& l, telemetry::Metrics& metrics)
      : options(o),
        db(d),
        log(l),
        refreshed(
            metrics.counter("dunetrace_ingest_key_refreshes_total", "Loads of the API keys", {{"outcome", "ok"}})),
        failed(metrics.counter("dunetrace_ingest_key_refreshes_total", "Loads of the API keys",
                               {{"outcome", "failed"}})) {}

  std::shared_ptr<const Snapshot> current() const {
    const std::lock_guard lock(mutex);
    return snapshot;
  }

  // Empty when the key is not in the snapshot.
  std::optional<Verdict> verdict(const Snapshot& keys, const Sha256& hash,
                                 const std::vector<std::string>& agents) const {
    const auto found = keys.keys.find(hash);
    if (found == keys.keys.end()) return std::nullopt;
    const auto& grant = found->second;
    if (!grant.used.load(std::memory_order_relaxed)) grant.used = true;
    if (!grant.may_ingest) return Verdict{Verdict::Kind::no_scope, {}, "this API key lacks the scope 'ingest'"};
    for (const auto& agent : agents) {
      if (grant.only_agent && agent != *grant.only_agent) return foreign(agent);
      if (options.dev_mode) continue;
      const auto owners = keys.owners.find(agent);
      if (owners != keys.owners.end() && !owners->second.contains(grant.customer_id)) return foreign(agent);
    }
    return Verdict{Verdict::Kind::allowed, grant.customer_id, {}};
  }

  void run(const std::stop_token& stop) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      std::vector<Waiting> asked;
      {
        std::unique_lock lock(mutex);
        changed.wait_until(lock, stop, next, [this] { return notified || !waiting.empty(); });
        if (stop.stop_requested()) return;
        notified = false;
        asked.swap(waiting);
      }
      bool good = false;
      if (!guarded(log, "ingest.keys_thread_failed", [&] { good = refresh(); })) failed.add();
      const auto keys = current();
      for (auto& one : asked) answer(one, keys.get(), good);
      if (good) guarded(log, "ingest.keys_thread_failed", [&] { note_used(*keys); });
      const auto loaded = std::chrono::steady_clock::now();
      // While the database is away its return is worth a look every second.
      next = loaded +
             (good ? options.refresh_interval : std::min(options.refresh_interval, std::chrono::milliseconds(1000)));
      std::unique_lock lock(mutex);
      changed.wait_until(lock, stop, loaded + options.least_interval, [] { return false; });
    }
  }

  bool refresh() {
    auto keys = store::load_active_keys(db);
    if (!keys) {
      failed.add();
      log.warn("ingest.keys_not_refreshed", {{"reason", keys.error().text}});
      return false;
    }
    refreshed.add();
    auto fresh = snapshot_of(std::move(*keys));
    const std::lock_guard lock(mutex);
    if (snapshot) carry_over_use(*snapshot, *fresh);
    snapshot = std::move(fresh);
    return true;
  }

  static void carry_over_use(const Snapshot& from, const Snapshot& to) {
    for (const auto& [hash, grant] : from.keys) {
      if (!grant.used) continue;
      if (const auto same = to.keys.find(hash); same != to.keys.end()) same->second.used = true;
    }
  }

  // For `dunetrace keys list`; nothing depends on it.
  void note_used(const Snapshot& keys) {
    std::vector<Sha256> used;
    for (const auto& [hash, grant] : keys.keys) {
      if (grant.used.exchange(false)) used.push_back(hash);
    }
    if (const auto noted = store::note_used_keys(db, used); !noted) {
      log.warn("ingest.key_use_not_noted", {{"reason", noted.error().text}});
    }
  }

  // Lets no exception out: whoever asks next must be answered, too.
  void answer(Waiting& one, const Snapshot* keys, bool is_fresh) noexcept {
    guarded(log, "ingest.key_answer_failed", [&] {
      auto found = keys != nullptr ? verdict(*keys, one.hash, one.agents) : std::nullopt;
      if (!found) found = is_fresh ? Verdict{} : unavailable();
      one.answer(std::move(*found));
    });
    one.answer = nullptr;  // frees the body before its room is given to others
    const std::lock_guard lock(mutex);
    --held;
    held_bytes -= one.bytes;
  }

  // False when there is no room.
  bool wait_for_keys(Waiting& one) {
    const std::lock_guard lock(mutex);
    if (held >= options.most_waiting || held_bytes + one.bytes > options.most_waiting_bytes) return false;
    const auto bytes = one.bytes;
    waiting.push_back(std::move(one));
    ++held;
    held_bytes += bytes;
    changed.notify_all();
    return true;
  }
};

Auth::Auth(AuthOptions options, store::Database& db, telemetry::Logger& log, telemetry::Metrics& metrics)
    : impl_(std::make_unique<Impl>(options, db, log, metrics)) {
  auto* impl = impl_.get();
  impl->refresher = std::jthread([impl](const std::stop_token& stop) { impl->run(stop); });
  const auto wake = [impl] {
    const std::lock_guard lock(impl->mutex);
    impl->notified = true;
    impl->changed.notify_all();
  };
  impl->notifications = std::make_unique<store::Notifications>(
      db.options(), std::vector<store::Notifications::Channel>{{store::kKeysChannel, wake}}, log);
}

Auth::~Auth() {
  impl_->notifications.reset();
  impl_->refresher = std::jthread();  // stops and joins
  for (auto& one : impl_->waiting) impl_->answer(one, nullptr, false);
}

bool Auth::known(std::string_view key) const {
  if (key.empty()) return false;
  const auto keys = impl_->current();
  return keys && keys->keys.contains(sha256(key));
}

void Auth::check(std::string_view key, std::vector<std::string> agents, std::size_t bytes, Answer answer) {
  if (impl_->options.dev_mode && (key.empty() || key.starts_with("dt_dev_"))) {
    return answer({Verdict::Kind::allowed, std::string(kDevCustomer), {}});
  }
  if (key.empty()) return answer({});
  const auto hash = sha256(key);
  if (const auto keys = impl_->current()) {
    if (auto found = impl_->verdict(*keys, hash, agents)) return answer(std::move(*found));
  }
  for (const auto& agent : agents) bytes += agent.capacity();
  Waiting one{hash, std::move(agents), bytes, std::move(answer)};
  if (!impl_->wait_for_keys(one)) one.answer(unavailable());
}

std::string_view bearer_key(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (header.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i] >= 'A' && header[i] <= 'Z' ? static_cast<char>(header[i] + 32) : header[i];
    if (c != kScheme[i]) return {};
  }
  header.remove_prefix(kScheme.size());
  const auto first = header.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return header.substr(first, header.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> agents_of(const AcceptedBatch& batch, std::string_view body_agent) {
  std::vector<std::string> agents{std::string(body_agent)};
  std::string_view last = body_agent;
  for (const auto& event : batch.events) {
    if (event.agent_id == last) continue;
    last = event.agent_id;
    if (std::ranges::find(agents, last) == agents.end()) agents.emplace_back(last);
  }
  return agents;
}

}  // namespace dunetrace::ingest
