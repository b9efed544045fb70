// Runs one file of golden cases against the built plugins: golden_runner CASES.yml PLUGIN_DIR. Every case goes the way
// of production (replay, judge, explain) and once more past the judge, with padded records. Exit code 1 = differences.
#include <filesystem>
#include <iostream>

#include "cases/case_file.hpp"
#include "cases/runner.hpp"
#include "plugin/registry.hpp"
#include "telemetry/log.hpp"

namespace dunetrace::golden {
namespace {

Result<plugin::Registry> load_plugins(const std::string& detector, const std::filesystem::path& directory,
                                      telemetry::Logger& log) {
  if (detector == "all") {
    DUNE_TRY(all, plugin::Registry::load(directory, {}, log));
    // What the cases expect of a run as a whole does not change with a detector that is new and in shadow.
    std::vector<plugin::Library> live;
    for (const auto& library : all.libraries()) {
      if (library.components.front().schema.starts_live()) live.push_back(library);
    }
    return plugin::Registry::of(std::move(live));
  }
  DUNE_TRY(library, plugin::load_library(directory / (detector + ".so"), true));
  std::vector<plugin::Library> libraries;
  libraries.push_back(std::move(library));
  return plugin::Registry::of(std::move(libraries));
}

int run_file(const std::string& path, const std::filesystem::path& plugins) {
  const auto file = cases::load_cases(path);
  if (!file) {
    std::cerr << file.error().text << '\n';
    return 1;
  }
  telemetry::Logger log(telemetry::Level::warn);
  const auto registry = load_plugins(file->detector, plugins, log);
  if (!registry) {
    std::cerr << registry.error().text << '\n';
    return 1;
  }
  const cases::Runner runner(*registry, log);
  int failed = 0;
  for (const auto& made : file->cases) {
    const auto found = runner.run(made);
    if (found.empty()) continue;
    ++failed;
    std::cout << path << ':' << made.line << ": " << made.name << '\n';
    for (const auto& difference : found) std::cout << "    " << difference << '\n';
  }
  std::cout << file->cases.size() << " cases, " << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dunetrace::golden

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: golden_runner CASES.yml PLUGIN_DIR\n";
    return 2;
  }
  return dunetrace::golden::run_file(argv[1], std::filesystem::absolute(argv[2]));
}
