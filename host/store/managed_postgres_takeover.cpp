#include "store/managed_postgres_takeover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fstream>

namespace dunetrace::store::detail {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kFastLimit = 10s;
constexpr auto kKillLimit = 1s;
constexpr auto kImmediateLimit = 10s;  // the postmaster kills its own children after 5 s

// Every process of a PostgreSQL server has the cluster as its working directory; a pid in a file may be anybody's by
// now. Processes of other users cannot be looked at unless we are root, but those cannot use a 0700 directory either.
std::vector<pid_t> processes_in(const fs::path& cluster) {
  std::vector<pid_t> found;
  std::error_code error;
  for (auto it = fs::directory_iterator("/proc", error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const auto name = it->path().filename().string();
    pid_t pid = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (problem != std::errc() || end != name.data() + name.size()) continue;
    std::error_code unreadable;
    const auto directory = fs::read_symlink(it->path() / "cwd", unreadable);
    if (unreadable || directory != cluster) continue;
    std::ifstream in(it->path() / "comm");
    std::string program;
    if (std::getline(in, program) && program.starts_with("postgres")) found.push_back(pid);
  }
  return found;
}

std::optional<pid_t> recorded_postmaster(const fs::path& cluster) {
  std::ifstream in(cluster / "postmaster.pid");
  pid_t pid = 0;
  if (!(in >> pid) || pid <= 1) return std::nullopt;
  return pid;
}

bool all_gone(const std::vector<pid_t>& pids, std::chrono::milliseconds limit, const std::stop_token& stop = {}) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  return std::ranges::all_of(pids, [&](pid_t pid) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return wait_gone(pid, std::max<std::chrono::milliseconds>(left, 0ms), stop);
  });
}

Result<> stop_all(const Layout& layout, telemetry::Logger& log, const std::stop_token& stop) {
  const auto running = processes_in(layout.cluster);
  if (running.empty()) return {};
  const auto recorded = recorded_postmaster(layout.cluster);
  const bool led = recorded && std::ranges::find(running, *recorded) != running.end();
  log.warn("postgres.takeover", {{"processes", running.size()}, {"postmaster", led ? *recorded : 0}});
  if (led) {
    ::kill(*recorded, SIGINT);
    if (all_gone(running, kFastLimit, stop)) return {};
    if (stop.stop_requested()) return fail(Code::unavailable, "stopped while starting");
    ::kill(*recorded, SIGQUIT);
  } else {
    // A server whose postmaster is gone: its processes end by themselves when they notice.
    if (all_gone(running, kFastLimit, stop)) return {};
    if (stop.stop_requested()) return fail(Code::unavailable, "stopped while starting");
    for (const auto pid : running) ::kill(pid, SIGQUIT);
  }
  if (all_gone(running, kImmediateLimit, stop)) return {};
  if (stop.stop_requested()) return fail(Code::unavailable, "stopped while starting");
  if (kill_all(layout)) return {};
  return fail(
      Code::conflict,
      fmt::format("the PostgreSQL server of an ended dunetrace in {} does not stop (process {}): end it by hand",
                  layout.cluster.string(), led ? *recorded : running.front()));
}

}  // namespace

bool kill_all(const Layout& layout) {
  const auto deadline = std::chrono::steady_clock::now() + kKillLimit;
  // Again until none is found: a postmaster may have started one more while the list was made.
  for (auto running = processes_in(layout.cluster); !running.empty(); running = processes_in(layout.cluster)) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    for (const auto pid : running) ::kill(pid, SIGKILL);
    static_cast<void>(all_gone(running, kKillLimit));
  }
  return true;
}

Result<> clear_leftovers(const Layout& layout, telemetry::Logger& log, const std::stop_token& stop) {
  DUNE_TRY_VOID(stop_all(layout, log, stop));
  // After a power loss the pid in these files may be a living stranger's, which PostgreSQL would take for its own.
  std::error_code error;
  fs::remove(layout.cluster / "postmaster.pid", error);
  fs::remove(layout.sockets / ".s.PGSQL.5432", error);
  fs::remove(layout.sockets / ".s.PGSQL.5432.lock", error);
  return {};
}

}  // namespace dunetrace::store::detail
