// The conformance tool (plugin-abi.md 21): every test in a child process of its own, so that nothing a plugin does
// reaches the tool. The parent never maps the file.
//   const auto report = conformance::check({.file = "x.so", .executable = "/proc/self/exe"});
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/finding.hpp"
#include "core/result.hpp"

namespace dunetrace::conformance {

struct CheckOptions {
  std::filesystem::path file;
  std::string only;                  // one test; empty = all
  std::vector<std::string> runs;     // JSON files with one run each, besides the built-in ones
  std::vector<std::string> cases;    // files of golden cases
  std::vector<std::string> params;   // name=value where the default is not what is wanted
  std::filesystem::path executable;  // this program; runs a child as `plugin check FILE --child TEST …`
  unsigned jobs = 0;                 // children at a time; 0 = one per core
  std::uint32_t kinds = 0;           // for a child: what the scan found in the library
};

// Error (Code::not_found, Code::invalid_argument): there is no such file or test.
[[nodiscard]] Result<Report> check(const CheckOptions& options);

// The child's side: runs one test, writes the result on the page and gives the process's exit code.
[[nodiscard]] int check_child(const CheckOptions& options, std::string_view test);

// One line per test: its name and what it wants.
[[nodiscard]] std::string list_tests();

}  // namespace dunetrace::conformance
