#include "cli/plugin_trial.hpp"

#include <cstdio>
#include <string>

#include "explain/text.hpp"
#include "plugin/registry.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kLineChars = 2000;

}  // namespace

void SpokenServices::log(std::string_view component, std::string_view, telemetry::Level, std::string_view text) {
  std::fprintf(stderr, "%s says: %s\n", std::string(component).c_str(), explain::one_line(text, kLineChars).c_str());
}

Result<plugin::HttpReply> SpokenServices::http(std::string_view, const plugin::HttpRequest&) {
  return fail(Code::denied, "a detector makes no requests");
}

Result<plugin::Library> Trial::open(const std::filesystem::path& file) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(file, failed);
  if (failed) return fail(Code::not_found, "plugin " + file.string() + ": " + failed.message());
  auto library = plugin::load_library_outside(path, true, runner());
  if (!library) return tl::unexpected<Error>(std::move(library).error().in("plugin"));
  return library;
}

plugin::RunnerOptions Trial::runner() {
  plugin::RunnerOptions options;
  options.services = &services_;
  options.log = &log_;
  return options;
}

detect::Isolation Trial::isolation() { return {.runner = runner(), .conduct = &conduct_}; }

}  // namespace dunetrace::cli
