#include "store/managed_postgres.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "store/database_async.hpp"
#include "store/managed_postgres_binaries.hpp"
#include "store/managed_postgres_layout.hpp"
#include "store/managed_postgres_process.hpp"
#include "store/managed_postgres_takeover.hpp"

namespace dunetrace::store {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using detail::conninfo;
using detail::kDatabase;
using detail::Layout;

constexpr auto kInitLimit = 120s;
constexpr auto kReadyLimit = 300s;  // crash recovery replays up to max_wal_size, on a slow disk too
constexpr auto kLookEvery = 25ms;
constexpr std::chrono::milliseconds kStopLimit = 6s;
constexpr std::chrono::milliseconds kLeastLimit = 2s;
constexpr std::chrono::milliseconds kForceLimit = 1'500ms;    // kept of a limit for a server that does not react
constexpr std::chrono::milliseconds kImmediateLimit = 700ms;  // a healthy postmaster needs some 50 ms
constexpr const char* kStopped = "stopped while starting";

// One entry of a list setting: a directory may hold a comma or a quote.
std::string quoted_directory(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

// Given on the command line, so that every start has them, whatever postgresql.conf says.
std::vector<std::string> settings(const Layout& layout) {
  return {
      "listen_addresses=",
      "port=5432",
      "unix_socket_directories=" + quoted_directory(layout.sockets.string()),
      "unix_socket_permissions=0700",
      "fsync=on",
      "synchronous_commit=on",
      "full_page_writes=on",
      "max_connections=60",
      "shared_buffers=64MB",  // a server beside an agent, not a machine of its own
      "work_mem=8MB",
      "maintenance_work_mem=32MB",
      "max_wal_size=512MB",
      "max_worker_processes=4",
      "max_parallel_workers=2",
      "backend_flush_after=256",  // pages; for autovacuum, too, which has no session of ours to ask for it
      "jit=off",                  // its start-up costs more than our queries take
      "timezone=UTC",
      "log_timezone=UTC",
      "log_destination=stderr",
      "logging_collector=off",
      "log_line_prefix=%m [%p] ",
      "log_checkpoints=off",
      "log_error_verbosity=terse",      // DETAIL and statements hold what agents sent,
      "log_min_error_statement=panic",  // which has no place in a log
  };
}

Result<> initialize(const Layout& layout, const detail::Binaries& binaries, telemetry::Logger& log,
                    const std::stop_token& stop) {
  log.info("postgres.initialize", {{"directory", layout.cluster.string()}, {"version", binaries.major}});
  std::error_code error;
  fs::remove_all(layout.fresh, error);  // of a start that was cut off; nobody else uses this name
  DUNE_TRY_VOID(detail::private_directory(layout.fresh, layout));
  const auto directory = layout.fresh.string();
  auto made = detail::run_to_end(
      {.argv = {(binaries.directory / "initdb").string(), "--pgdata=" + directory, "--encoding=UTF8", "--locale=C",
                fmt::format("--username={}", detail::kRole), "--auth=trust", "--data-checksums", "--no-instructions"},
       .user = layout.user,
       .directory = layout.fresh},
      kInitLimit, stop);
  if (!made && stop.stop_requested()) return tl::unexpected(made.error());
  if (!made)
    return tl::unexpected(std::move(made.error()).in("making the database cluster " + layout.cluster.string()));
  DUNE_TRY_VOID(detail::write_marker(layout.fresh, layout));
  fs::rename(layout.fresh, layout.cluster, error);
  if (error)
    return fail(Code::conflict, fmt::format("{} cannot be made: {}", layout.cluster.string(), error.message()));
  return {};
}

// The last lines of the server's log, for the error of a start that failed.
std::string log_tail(const fs::path& path, std::uintmax_t from) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(from));
  std::string text((std::istreambuf_iterator<char>(in)), {});
  constexpr std::size_t kShown = 400;
  if (text.size() > kShown) text.erase(0, text.size() - kShown);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

}  // namespace

struct ManagedPostgres::Impl {
  Impl(Layout places, detail::Process server, detail::Command how, telemetry::Logger& logger)
      : layout(std::move(places)),
        url(conninfo(layout, kDatabase)),
        process(std::move(server)),
        command(std::move(how)),
        log(logger) {
    command.end_with_caller = false;  // bound to a thread, and the one that restarts ends before the server does
  }
  ~Impl() { stop(kStopLimit); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Layout layout;  // with the lock: released after the server ended
  std::string url;
  std::optional<detail::Process> process;  // belongs to `keeper` while that runs
  detail::Command command;
  telemetry::Logger& log;
  bool stopped = false;
  std::jthread keeper;

  Result<> wait_ready(std::uintmax_t log_begin, const std::stop_token& stop);
  [[nodiscard]] Result<> ensure_database(const std::stop_token& stop) const;
  void stop(std::chrono::milliseconds limit);
  void keep(const std::stop_token& stop);
  [[nodiscard]] Result<> restart(const std::stop_token& stop);
};

// A server that ends on its own account (killed, disk full) is started again, for as long as it takes: what was
// accepted meanwhile waits for it.
void ManagedPostgres::Impl::keep(const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kFirst = 250ms;
  constexpr std::chrono::milliseconds kLongest = 10s;
  std::mutex mutex;
  std::condition_variable_any never;
  auto pause = kFirst;
  while (!stop.stop_requested()) {
    if (!process->wait_for(1h, stop)) continue;
    log.error("postgres.ended", {{"outcome", process->outcome()}, {"again_in_ms", pause.count()}});
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, pause, [] { return false; });
    if (stop.stop_requested()) return;
    const auto started = restart(stop);
    if (started)
      log.info("postgres.restarted", {{"pid", process->pid()}});
    else if (!stop.stop_requested())
      log.error("postgres.restart_failed", {{"reason", started.error().text}});
    pause = started ? kFirst : std::min(pause * 2, kLongest);
  }
}

Result<> ManagedPostgres::Impl::restart(const std::stop_token& stop) {
  DUNE_TRY_VOID(detail::clear_leftovers(layout, log, stop));
  std::error_code none;
  const auto size = fs::file_size(layout.log, none);
  DUNE_TRY(again, detail::Process::start(command));
  process.emplace(std::move(again));
  return wait_ready(none ? 0 : size, stop);
}

Result<> ManagedPostgres::Impl::wait_ready(std::uintmax_t log_begin, const std::stop_token& stop) {
  const auto target = conninfo(layout, "postgres") + " connect_timeout=2";  // the least that libpq knows
  const auto deadline = std::chrono::steady_clock::now() + kReadyLimit;
  while (std::chrono::steady_clock::now() < deadline) {
    const bool ended = process->wait_for(kLookEvery, stop);
    if (stop.stop_requested()) return fail(Code::unavailable, kStopped);
    if (ended) {
      return fail(Code::internal, fmt::format("PostgreSQL in {} ended while starting ({}): {}", layout.cluster.string(),
                                              process->outcome(), log_tail(layout.log, log_begin)));
    }
    const auto answer = PQping(target.c_str());
    if (answer == PQPING_OK) return {};
    DUNE_CHECK(answer != PQPING_NO_ATTEMPT, "the connection text made here is well-formed");
  }
  return fail(Code::timeout, fmt::format("PostgreSQL in {} was not ready after {} s: see {}", layout.cluster.string(),
                                         kReadyLimit.count(), layout.log.string()));
}

Result<> ManagedPostgres::Impl::ensure_database(const std::stop_token& stop) const {
  DUNE_TRY(info,
           detail::ConnectInfo::make({.url = conninfo(layout, "postgres"), .application_name = "dunetrace-start"}));
  const detail::Waker waker;
  const std::stop_callback wake(stop, [&waker] { waker.wake(); });
  const auto limit = std::chrono::steady_clock::now() + 60s;
  auto connection = detail::AsyncConnection::open(info, limit, waker);
  if (stop.stop_requested()) return fail(Code::unavailable, kStopped);
  if (!connection) return tl::unexpected(connection.error());
  // Harmless to repeat: a start may have been cut off between making the cluster and this.
  auto made =
      connection->exec(fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", kDatabase), limit, waker);
  if (stop.stop_requested()) return fail(Code::unavailable, kStopped);
  if (made || made.error().text.find("already exists") != std::string::npos) return {};
  return tl::unexpected(std::move(made.error()).in("making the database"));
}

void ManagedPostgres::Impl::stop(std::chrono::milliseconds limit) {
  if (std::exchange(stopped, true)) return;
  keeper = {};  // stops and joins: from here on the process is this thread's
  const auto fast = std::max<std::chrono::milliseconds>(limit, kLeastLimit) - kForceLimit;
  process->signal(SIGINT);
  if (process->wait_for(fast)) {
    log.info("postgres.stopped", {{"outcome", process->outcome()}});
    std::error_code none;
    if (layout.sockets.parent_path() != layout.data_dir) fs::remove(layout.sockets, none);  // leaves nothing in /tmp
    return;
  }
  log.warn("postgres.stop_slow", {{"limit_ms", fast.count()}});
  process->signal(SIGQUIT);
  if (process->wait_for(kImmediateLimit)) return;
  // Stopped by a debugger, or waiting for a disk that does not answer.
  log.warn("postgres.killed", {{"pid", process->pid()}});
  process->signal(SIGKILL);
  if (!detail::kill_all(layout) || !process->wait_for(kImmediateLimit)) {
    log.error("postgres.stop_failed", {{"pid", process->pid()}});
  }
}

Result<std::unique_ptr<ManagedPostgres>> ManagedPostgres::start(ManagedPostgresOptions options,
                                                                telemetry::Logger& log) {
  DUNE_TRY(layout, detail::open_layout(options.data_dir, std::move(options.lock)));
  auto found = detail::find_binaries(options.binaries, layout.version);
  if (!found) {
    if (found.error().code == Code::not_found) return tl::unexpected(found.error());
    return tl::unexpected(std::move(found.error()).in(layout.cluster.string()));
  }
  DUNE_TRY_VOID(detail::prepare_directories(layout));
  if (layout.version) {
    DUNE_TRY_VOID(detail::clear_leftovers(layout, log, options.stop));
  } else {
    DUNE_TRY_VOID(initialize(layout, *found, log, options.stop));
  }

  detail::Command command{.argv = {(found->directory / "postgres").string(), "-D", layout.cluster.string()},
                          .user = layout.user,
                          .directory = layout.cluster,
                          .output = layout.log,
                          .end_with_caller = true};
  for (auto& setting : settings(layout)) command.argv.insert(command.argv.end(), {"-c", std::move(setting)});
  for (auto& setting : options.settings) command.argv.insert(command.argv.end(), {"-c", std::move(setting)});
  std::error_code none;
  const auto log_size = fs::file_size(layout.log, none);
  const auto log_begin = none ? 0 : log_size;
  const auto began = std::chrono::steady_clock::now();
  DUNE_TRY(process, detail::Process::start(command));
  auto impl = std::make_unique<Impl>(std::move(layout), std::move(process), std::move(command), log);
  DUNE_TRY_VOID(impl->wait_ready(log_begin, options.stop));
  DUNE_TRY_VOID(impl->ensure_database(options.stop));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  log.info("postgres.started", {{"version", found->major},
                                {"directory", impl->layout.cluster.string()},
                                {"pid", impl->process->pid()},
                                {"user", impl->layout.user ? impl->layout.user->name : std::string()},
                                {"took_ms", took.count()}});
  impl->keeper = std::jthread([&kept = *impl](const std::stop_token& stop) { kept.keep(stop); });
  return std::unique_ptr<ManagedPostgres>(new ManagedPostgres(std::move(impl)));
}

ManagedPostgres::ManagedPostgres(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ManagedPostgres::~ManagedPostgres() = default;

void ManagedPostgres::stop(std::chrono::milliseconds limit) { impl_->stop(limit); }

const std::string& ManagedPostgres::url() const { return impl_->url; }

}  // namespace dunetrace::store
