#include "store/usual.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "store/claim_columns.hpp"
#include "store/run_results.hpp"
#include "store/usual_rows.hpp"

namespace dunetrace::store {
namespace {

constexpr std::size_t kEach = 64;  // what an agent or a version takes beside its name and its runs

// One row for each version that is asked for, and for each of its newest runs if its agent has moved. One statement:
// the counter and the samples belong together.
constexpr auto kNewest = R"(
  SELECT w.place, coalesce(a.judged, 0), s.run_id, s.steps, s.tool_ms, s.llm_ms, s.token_growth, s.llm_tool_ratio
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
    AS w(customer_id, agent_id, agent_version, known, place)
  LEFT JOIN agent_judgements a ON a.customer_id = w.customer_id AND a.agent_id = w.agent_id
  LEFT JOIN LATERAL (
    SELECT * FROM run_samples
    WHERE customer_id = w.customer_id AND agent_id = w.agent_id AND agent_version = w.agent_version
      AND coalesce(a.judged, 0) <> w.known
    ORDER BY seq DESC LIMIT $5) AS s ON true
  ORDER BY w.place, s.seq DESC)";

// {1,2,3}
std::vector<std::int64_t> durations(const pqxx::field& field) {
  const auto all = text(field);
  std::vector<std::int64_t> values;
  const char* at = all.data() + 1;
  const char* const end = all.data() + all.size() - 1;
  if (all.size() < 2 || all.front() != '{' || all.back() != '}') throw UnreadableSample("durations are no array");
  while (at < end) {
    std::int64_t value = 0;
    const auto read = std::from_chars(at, end, value);
    if (read.ec != std::errc() || (read.ptr != end && *read.ptr != ','))
      throw UnreadableSample("durations are no list of numbers");
    values.push_back(value);
    at = read.ptr + 1;
  }
  if (!std::ranges::is_sorted(values)) throw UnreadableSample("durations are not in order");
  return values;
}

std::optional<double> real(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return number<double>(field);
}

UsualRuns::Sample sample(const pqxx::row& row) {
  RunSample made;
  made.steps = number<std::int32_t>(row[3]);
  made.tool_ms = durations(row[4]);
  made.llm_ms = durations(row[5]);
  made.token_growth = real(row[6]);
  made.llm_tool_ratio = real(row[7]);
  return std::make_shared<const RunSample>(std::move(made));
}

std::set<VersionKey> versions_of(std::span<const RunResult> results) {
  std::set<VersionKey> versions;
  for (const auto& result : results) versions.insert(version_of(result));
  return versions;
}

// In numbers of 8 bytes. An agent that has nothing usual takes its place as well.
std::size_t size_of(const AgentKey& agent) { return kEach + (agent.first.size() + agent.second.size()) / 8; }
std::size_t size_of(const std::string& version, const UsualRuns& runs) {
  return kEach + version.size() / 8 + runs.size();
}

}  // namespace

std::vector<ReadVersion> read_usual(pqxx::work& tx, const std::vector<AskedVersion>& asked, std::size_t most) {
  Columns<4> columns;
  for (const auto& one : asked) {
    columns[0].add(one.version.customer_id);
    columns[1].add(one.version.agent_id);
    columns[2].add(one.version.agent_version);
    columns[3].add_plain(std::to_string(one.known));
  }
  std::vector<ReadVersion> out(asked.size());
  std::vector<std::deque<UsualRuns::Entry>> runs(asked.size());
  for (const auto& row :
       tx.exec_params(kNewest, columns[0].text(), columns[1].text(), columns[2].text(), columns[3].text(), most)) {
    const auto place = number<std::size_t>(row[0]) - 1;
    out[place].judged = number<std::int64_t>(row[1]);
    if (!row[2].is_null()) runs[place].push_back({std::string(text(row[2])), sample(row)});
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    out[i].moved = out[i].judged != asked[i].known;
    const bool complete = runs[i].size() < most;
    if (out[i].moved) out[i].runs = UsualRuns(std::move(runs[i]), complete);
  }
  return out;
}

std::vector<ReadVersion> try_read_usual(pqxx::work& tx, const std::vector<AskedVersion>& asked, std::string& error,
                                        std::size_t most) {
  try {
    pqxx::subtransaction savepoint(tx, "usual");
    auto read = read_usual(tx, asked, most);
    savepoint.commit();
    return read;
  } catch (const UnreadableSample& why) {
    error = why.what();
  } catch (const pqxx::sql_error& why) {
    error = why.what();
  }
  std::vector<ReadVersion> nothing(asked.size());
  for (auto& one : nothing) one = {-1, true, UsualRuns()};
  return nothing;
}

Result<UsualByVersion> load_usual(Database& db, const std::vector<VersionKey>& versions) {
  return query(db, "load baselines", [&](pqxx::work& tx) -> Result<UsualByVersion> {
    std::vector<AskedVersion> asked;
    for (const auto& version : versions) asked.push_back({version, -1});
    UsualByVersion out;
    try {
      auto read = read_usual(tx, asked);
      for (std::size_t i = 0; i < asked.size(); ++i) out.emplace(versions[i], std::move(read[i].runs));
    } catch (const UnreadableSample& why) {
      return fail(Code::internal, std::string("load baselines: ") + why.what());
    }
    return out;
  });
}

const UsualRuns* Usual::find(const VersionKey& version) const {
  const auto agent = agents_.find({version.customer_id, version.agent_id});
  if (agent == agents_.end()) return nullptr;
  const auto found = agent->second.versions.find(version.agent_version);
  return found == agent->second.versions.end() ? nullptr : &found->second;
}

// What was read of an agent's other versions at another count no longer counts.
void Usual::put(const VersionKey& version, std::int64_t judged, UsualRuns runs) {
  const auto [at, is_new] = agents_.try_emplace({version.customer_id, version.agent_id});
  auto& agent = at->second;
  if (is_new) {
    agent.age = ages_.insert(ages_.begin(), &at->first);
    numbers_ += size_of(at->first);
  }
  used(agent);
  if (agent.judged != judged) drop_versions(agent);
  agent.judged = judged;
  drop_version(agent, version.agent_version);
  numbers_ += size_of(version.agent_version, runs);
  agent.versions.emplace(version.agent_version, std::move(runs));
}

void Usual::drop_versions(Agent& agent) {
  for (const auto& [name, runs] : agent.versions) numbers_ -= size_of(name, runs);
  agent.versions.clear();
}

void Usual::drop_version(Agent& agent, const std::string& name) {
  const auto found = agent.versions.find(name);
  if (found == agent.versions.end()) return;
  numbers_ -= size_of(name, found->second);
  agent.versions.erase(found);
}

void Usual::forget() {
  agents_.clear();
  ages_.clear();
  numbers_ = 0;
  plan_ = {};
}

void Usual::follow(const Database& db) {
  const auto sessions = db.sessions();
  if (sessions == sessions_) return;
  forget();
  sessions_ = sessions;
}

// Lets go of what was not used for longest.
void Usual::bound() {
  while (numbers_ > kMostNumbers && !ages_.empty()) {
    const auto oldest = agents_.find(*ages_.back());
    drop_versions(oldest->second);
    numbers_ -= size_of(oldest->first);
    ages_.pop_back();
    agents_.erase(oldest);
  }
}

Result<> Usual::refresh(Database& db, std::span<const RunResult> results) {
  plan_ = {};
  bound();
  const auto versions = versions_of(results);
  std::vector<AskedVersion> asked;
  auto read = query(db, "load baselines", [&](pqxx::work& tx) -> Result<std::vector<ReadVersion>> {
    follow(db);
    asked.clear();  // begun again
    for (const auto& version : versions) {
      const bool known = find(version) != nullptr;
      asked.push_back({version, known ? agents_.at({version.customer_id, version.agent_id}).judged : -1});
    }
    try {
      return read_usual(tx, asked);
    } catch (const UnreadableSample& why) {
      return fail(Code::internal, std::string("load baselines: ") + why.what());
    }
  });
  if (!read && read.error().code == Code::unavailable) {
    forget();
    return tl::unexpected<Error>(std::move(read).error());
  }
  if (!read) {
    for (const auto& version : versions) put(version, -1, UsualRuns());
    return tl::unexpected<Error>(std::move(read).error());
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& version = asked[i].version;
    if ((*read)[i].moved)
      put(version, (*read)[i].judged, std::move((*read)[i].runs));
    else
      used(agents_.at({version.customer_id, version.agent_id}));
  }
  return {};
}

std::vector<Baselines> Usual::baselines(std::span<const RunResult> results) {
  plan_ = {results.data(), results.size(), {}};
  std::vector<Baselines> out;
  for (const auto& result : results) {
    if (result.nothing_to_judge) {
      out.emplace_back();
      continue;
    }
    const auto version = version_of(result);
    const auto [at, met] = plan_.after.try_emplace(version);
    if (const auto* known = met ? find(version) : nullptr; known != nullptr) at->second = *known;
    out.push_back(at->second.baselines(result.run.run_id));
    at->second.judged(result.run.run_id, result.sample);
  }
  return out;
}

}  // namespace dunetrace::store
