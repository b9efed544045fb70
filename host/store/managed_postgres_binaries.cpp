#include "store/managed_postgres_binaries.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "store/managed_postgres_process.hpp"

namespace dunetrace::store::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianRoot = "/usr/lib/postgresql";

bool has_programs(const fs::path& directory) {
  return ::access((directory / "postgres").c_str(), X_OK) == 0 && ::access((directory / "initdb").c_str(), X_OK) == 0;
}

// "postgres (PostgreSQL) 15.18 (Debian …)" is of major version "15", "9.6.24" of "9.6".
std::string major_of(std::string_view version_line) {
  constexpr std::string_view kMark = "(PostgreSQL) ";
  const auto at = version_line.find(kMark);
  if (at == std::string_view::npos) return "unknown";
  auto rest = version_line.substr(at + kMark.size());
  rest = rest.substr(0, rest.find_first_not_of("0123456789."));
  const auto dot = rest.find('.');
  const bool old_scheme = rest.substr(0, dot).size() == 1;  // before 10, two parts made the major version
  return std::string(rest.substr(0, old_scheme ? rest.find('.', dot + 1) : dot));
}

Result<Binaries> inspect(const fs::path& directory) {
  DUNE_TRY(line, run_to_end({.argv = {(directory / "postgres").string(), "--version"}}, std::chrono::seconds(10)));
  return Binaries{directory, major_of(line)};
}

double number_of(const Binaries& binaries) {
  double number = 0;
  std::from_chars(binaries.major.data(), binaries.major.data() + binaries.major.size(), number);
  return number;
}

std::vector<fs::path> places(const fs::path& given) {
  if (!given.empty()) return {given};
  std::vector<fs::path> found;
  std::error_code error;
  for (auto it = fs::directory_iterator(kDebianRoot, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    found.push_back(it->path() / "bin");
  }
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): the host never changes its environment
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    if (const auto part = rest.substr(0, colon); part.starts_with('/')) found.emplace_back(part);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return found;
}

}  // namespace

Result<Binaries> find_binaries(const fs::path& given, const std::optional<std::string>& wanted) {
  std::vector<Binaries> all;
  for (const auto& place : places(given)) {
    if (!has_programs(place)) continue;
    DUNE_TRY(found, inspect(place));
    all.push_back(std::move(found));
  }
  if (all.empty()) {
    return fail(
        Code::not_found,
        fmt::format("the PostgreSQL server programs (initdb, postgres) are not installed: looked in {}; install the "
                    "package `postgresql` or set DATABASE_URL",
                    given.empty() ? fmt::format("{}/*/bin and PATH", kDebianRoot) : given.string()));
  }
  // The first of equals stays first: Debian's place before PATH.
  std::ranges::stable_sort(all, std::greater{}, number_of);
  if (!wanted) return all.front();
  const auto match = std::ranges::find(all, *wanted, &Binaries::major);
  if (match != all.end()) return *match;
  std::vector<std::string> installed;
  for (const auto& binaries : all) installed.push_back(binaries.major);
  return fail(
      Code::conflict,
      fmt::format("made by PostgreSQL {}, installed is PostgreSQL {}: install the package `postgresql-{}`, or move "
                  "the directory away to begin with an empty database",
                  *wanted, fmt::join(installed, ", "), *wanted));
}

}  // namespace dunetrace::store::detail
