// Runs this executable again for one test and waits for it with a deadline. Called by the parent, from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "conformance/finding.hpp"

namespace dunetrace::conformance {

constexpr int kBoardDescriptor = 3;  // where a child finds its page
constexpr std::chrono::seconds kChildDeadline{10};

struct ChildResult {
  Finding finding;
  std::chrono::milliseconds took{0};
  bool loaded = false;
  std::uint32_t kinds = 0;
};

// `arguments` are those after the program's name. A child that ends without a result is a failure that says how it
// ended, what it was doing and what it last wrote to stderr.
[[nodiscard]] ChildResult run_child(const std::filesystem::path& executable, const std::vector<std::string>& arguments);

}  // namespace dunetrace::conformance
