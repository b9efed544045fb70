// What is usual for the agents and versions that one detection worker meets: kept in its memory, checked against the
// order of the agent's judgements (`agent_judgements`) before it is relied on, read again when others moved it.
// One per worker; one thread.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/usual.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

struct RunResult;

struct VersionKey {
  std::string customer_id;
  std::string agent_id;
  std::string agent_version;
  auto operator<=>(const VersionKey&) const = default;
};
using AgentKey = std::pair<std::string, std::string>;  // customer, agent
using UsualByVersion = std::map<VersionKey, UsualRuns>;

// What is usual for these versions now, without keeping it. One query; a version that was never judged has no runs.
[[nodiscard]] Result<UsualByVersion> load_usual(Database& db, const std::vector<VersionKey>& versions);

class Usual {
 public:
  static constexpr std::size_t kMostNumbers = 200'000;  // some 2 MB for each worker

  Usual() = default;
  Usual(const Usual&) = delete;
  Usual& operator=(const Usual&) = delete;

  // Brings what is known of these runs' versions up to date, with one query for all. After an error other than
  // Code::unavailable nothing is usual for them: that counts as having no baseline.
  [[nodiscard]] Result<> refresh(Database& db, std::span<const RunResult> results);

  // What each of them is to be judged with when they are judged in this order, each after those before it.
  [[nodiscard]] std::vector<Baselines> baselines(std::span<const RunResult> results);

  // Everything has to be read again.
  void forget();

  // To be called in a transaction, before what is known is compared with what it reads. Forgets everything when there
  // is a session that was not there before: a server that lost its last commits may have set an agent's counter back,
  // and what is known here would pass for current once it has come as far again. Whoever met the outage, and whether
  // anybody did, does not matter. refresh() and write_results() do it themselves.
  void follow(const Database& db);

  // About how many numbers are kept. Before each refresh they are brought below kMostNumbers; what one batch adds comes
  // on top.
  [[nodiscard]] std::size_t numbers() const { return numbers_; }

 private:
  friend class ResultsWriter;

  struct Agent {
    std::int64_t judged = -1;  // the agent's counter when this was read; -1 = it could not be read
    std::map<std::string, UsualRuns> versions;
    std::list<const AgentKey*>::iterator age;  // in ages_
  };
  using Agents = std::map<AgentKey, Agent>;
  // What baselines() made of what is known: it is so once its results are written.
  struct Plan {
    const RunResult* first = nullptr;
    std::size_t size = 0;
    UsualByVersion after;
  };

  [[nodiscard]] const UsualRuns* find(const VersionKey& version) const;
  void put(const VersionKey& version, std::int64_t judged, UsualRuns runs);
  void drop_versions(Agent& agent);
  void drop_version(Agent& agent, const std::string& name);
  void used(Agent& agent) { ages_.splice(ages_.begin(), ages_, agent.age); }
  void bound();

  Agents agents_;
  std::list<const AgentKey*> ages_;  // the keys of agents_, those used last first
  std::size_t numbers_ = 0;          // of all of agents_
  Plan plan_;
  std::uint64_t sessions_ = 0;  // that there were when this was known
};

}  // namespace dunetrace::store
