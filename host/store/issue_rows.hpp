// The issues of agents whose order is locked, read and written back. Internal to store/: it shows libpqxx.
#pragma once

#include <map>
#include <vector>

#include "store/issue_fold.hpp"
#include "store/session.hpp"
#include "store/usual.hpp"

namespace dunetrace::store {

using IssuesByAgent = std::map<AgentKey, Issues>;

// An entry for every agent, without issues where it has none. Nobody else writes them while `agent_judgements` is
// locked.
[[nodiscard]] IssuesByAgent read_issues(pqxx::work& tx, const std::vector<AgentKey>& agents);

// Writes what differs, and deletes those that are gone.
void write_issues(pqxx::work& tx, const IssuesByAgent& before, const IssuesByAgent& after);

}  // namespace dunetrace::store
