// What the loading policy is told (plugin-abi.md 18). Plain values.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plugin/isolation/runner_options.hpp"

namespace dunetrace::plugin {

class CallRecord;
class Registry;

struct LoadOptions {
  std::filesystem::path own;                  // what came with the host: first-party, no signature asked for
  std::vector<std::filesystem::path> others;  // of the operator, absolute
  std::vector<std::string> places;            // where each of them is named, for errors: "detectors.yml:2:17"; or none
  std::filesystem::path private_dir;          // where copies are kept; empty: a temporary place, for tools
  std::filesystem::path public_key;  // PEM; every other directory's lock is signed with it. Empty: none needs to
  bool unlocked = false;             // for development: no lock file is asked for, isolated but for own ones
  bool for_tools = false;            // everything in this process, whatever the lock files say
  bool in_place = false;             // mapped where it lies, without a copy: for tests and debuggers
  RunnerOptions runner;              // for libraries that are isolated
  // Where calls into libraries of this process are written down while they are loaded and their parameters checked; may
  // be nullptr. Outlives what is loaded.
  CallRecord* record = nullptr;
  // Whose validate() ended a host: component and SHA-256. It is not called again.
  std::set<std::pair<std::string, std::string>> silent_checks{};
  // The generation before this one; only read while loading. A library whose bytes and mode are the same is taken over
  // from it. An in-process library whose bytes changed stays as it was, with a notice: code that is mapped stays.
  const Registry* previous = nullptr;
};

}  // namespace dunetrace::plugin
