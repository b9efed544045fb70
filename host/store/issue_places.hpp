// Takes runs out of their old places in the order of their agents. Internal to store/: it shows libpqxx.
#pragma once

#include <string>
#include <vector>

#include "store/issue_rows.hpp"

namespace dunetrace::store {

// A run at its place.
struct Placed {
  std::string run_id;
  AgentKey agent;  // that it was judged for
  Look look;
};

// Brings the issues to what they are without these runs. The agents are locked, and neither `processed_runs` nor
// `failure_signals` knows of the new judgements yet. Reads six runs on each side of every one; more is asked only for
// an issue whose first or last affected run leaves, or that detectors failed to look for in most of these.
void take_out(pqxx::work& tx, IssuesByAgent& issues, std::vector<Placed> runs);

}  // namespace dunetrace::store
