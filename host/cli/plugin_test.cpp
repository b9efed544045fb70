// dunetrace plugin test: plays files of cases (run, parameters, expected signals) against a plugin of any language, on
// the way of production and without a database.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <tuple>

#include "cases/case_file.hpp"
#include "cases/runner.hpp"
#include "cli/plugin_commands.hpp"
#include "cli/plugin_trial.hpp"
#include "explain/text.hpp"

namespace dunetrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLineChars = 4000;

std::vector<fs::path> files_of(const fs::path& directory, std::string_view extension) {
  std::vector<fs::path> out;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory, failed)) {
    if (entry.path().extension() == extension && entry.is_regular_file()) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

// The library of a project: --plugin, or the only one where builds put it (CMake and make, cargo).
Result<fs::path> library_of(const PluginTest& args, const fs::path& project) {
  if (!args.plugin.empty()) return fs::path(args.plugin);
  std::vector<fs::path> found;
  for (const char* place : {"build", "target/release", "."}) {
    found = files_of(project / place, ".so");
    if (!found.empty()) break;
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(Code::not_found, project.string() + ": no build/*.so in it; build it first, or name it with --plugin");
  }
  return fail(Code::invalid_argument, fmt::format("{}: has {} libraries ({}, {}, …); name one with --plugin",
                                                  found.front().parent_path().string(), found.size(),
                                                  found[0].filename().string(), found[1].filename().string()));
}

// cases.yml of the project and cases/*.yml.
std::vector<fs::path> cases_in(const fs::path& project) {
  auto out = files_of(project / "cases", ".yml");
  std::error_code failed;
  if (fs::is_regular_file(project / "cases.yml", failed)) out.insert(out.begin(), project / "cases.yml");
  return out;
}

struct Plan {
  fs::path library;
  std::vector<fs::path> cases;
};

// DIR, or FILE.so somewhere in a project: the cases lie above it.
Result<Plan> plan_of(const PluginTest& args) {
  std::error_code failed;
  const fs::path target(args.target);
  if (!fs::exists(target, failed)) return fail(Code::not_found, args.target + ": no such file or directory");
  const bool directory = fs::is_directory(target, failed);
  if (!directory && !args.plugin.empty()) {
    return fail(Code::invalid_argument, "--plugin goes with a directory; " + args.target + " is the plugin already");
  }
  Plan plan;
  plan.library = target;
  if (directory) {
    DUNE_TRY(library, library_of(args, target));
    plan.library = library;
  }
  plan.cases.assign(args.cases.begin(), args.cases.end());
  auto project = directory ? target : fs::absolute(target, failed).parent_path();
  // build/x.so and target/release/x.so are one and two levels below the project.
  for (int level = 0; plan.cases.empty() && level < (directory ? 1 : 3); ++level, project = project.parent_path()) {
    plan.cases = cases_in(project);
  }
  return plan;
}

// Prints one line per case and one per difference; gives the number of cases that failed.
std::size_t play(const cases::CaseFile& file, const fs::path& path, const cases::Runner& runner) {
  std::size_t failed = 0;
  for (const auto& each : file.cases) {
    const auto differences = runner.run(each);
    std::printf("%s  %s\n", differences.empty() ? "pass" : "FAIL", explain::one_line(each.name, kLineChars).c_str());
    if (differences.empty()) continue;
    ++failed;
    std::printf("      %s:%d\n", path.c_str(), each.line);
    for (const auto& difference : differences) {
      std::printf("      %s\n", explain::one_line(difference, kLineChars).c_str());
    }
  }
  return failed;
}

}  // namespace

Result<int> plugin_test(const PluginTest& args) {
  DUNE_TRY(plan, plan_of(args));
  Trial trial;
  DUNE_TRY(library, trial.open(plan.library));
  const auto is_detector = [](const plugin::Component& one) { return one.schema.kind == "detector"; };
  if (std::ranges::none_of(library.components, is_detector)) {
    return fail(Code::invalid_argument, plan.library.string() +
                                            ": brings no detector, and cases are for detectors; a destination or an "
                                            "integration is tested by its own program: ctest --test-dir build");
  }
  if (plan.cases.empty()) {
    return fail(Code::not_found, args.target + ": no cases.yml there; expected a file of runs and what must be found");
  }
  std::vector<cases::CaseFile> files;
  for (const auto& path : plan.cases) {
    DUNE_TRY(file, cases::load_cases(path.string()));
    files.push_back(std::move(file));
  }
  std::vector<plugin::Library> libraries;
  libraries.push_back(std::move(library));
  DUNE_TRY(registry, plugin::Registry::of(std::move(libraries)));
  const cases::Runner runner(registry, trial.log(), trial.runner());
  std::size_t failed = 0, count = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& [path, file] = std::tie(plan.cases[i], files[i]);
    const auto* entry = registry.find(file.detector);
    if (file.detector != "all" && (entry == nullptr || entry->component->schema.kind != "detector")) {
      return fail(Code::invalid_argument, fmt::format("{}: is about the detector '{}', which {} does not bring",
                                                      path.string(), file.detector, plan.library.string()));
    }
    failed += play(file, path, runner);
    count += file.cases.size();
  }
  std::printf("%zu %s, %zu failed\n", count, count == 1 ? "case" : "cases", failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace dunetrace::cli
