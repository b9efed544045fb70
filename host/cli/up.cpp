// dunetrace up: everything in one process, with a PostgreSQL of its own when DATABASE_URL is not set.
#include <cstdio>
#include <memory>
#include <thread>

#include "cli/command.hpp"
#include "cli/demo.hpp"
#include "cli/host.hpp"
#include "store/data_dir_lock.hpp"
#include "store/managed_postgres.hpp"

namespace dunetrace::cli {
namespace {

// The demo leaves one run open on purpose; nobody waits a minute and a half to see what becomes of it.
constexpr std::chrono::milliseconds kDemoStall{2'500};

// Everything has ended 10 s after the signal: the roles in the first 5, the database in the rest.
constexpr std::chrono::seconds kStopLimit{5};
constexpr std::chrono::seconds kEndLimit{8};  // with a reserve for a slow machine

std::string url(const std::string& bind, std::uint16_t port) {
  const bool every = bind == "0.0.0.0" || bind == "::" || bind == "*";
  const auto host = every ? std::string("localhost") : bind.find(':') != std::string::npos ? "[" + bind + "]" : bind;
  return "http://" + host + ":" + std::to_string(port);
}

void print_ready(const Setup& setup, const Ports& ports, const std::string& log_file) {
  const auto& settings = setup.settings.host;
  std::printf("Dunetrace is up.\n");
  std::printf("  Dashboard  %s\n", url(settings.bind, ports.dashboard).c_str());
  std::printf("  API        %s\n", url(settings.bind, ports.api).c_str());
  std::printf("  Ingest     %s\n", url(settings.bind, ports.ingest).c_str());
  std::printf("  Data       %s (log: %s)\n", settings.data_dir.c_str(), log_file.c_str());
  std::printf("Press Ctrl-C to stop.\n");
  std::fflush(stdout);
}

// Plays the demo, waits until all of its runs are judged, and gives open runs their usual time again.
void demo(std::stop_token stop, Host& host, const Setup& setup) {
  host.set_stall_timeout(kDemoStall);
  const auto bind = setup.settings.host.bind;
  const auto played = play_demo({.ingest_url = url(bind, host.ports().ingest), .api_key = ""}, SystemClock(), stop,
                                [](std::size_t, std::size_t) {});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
    const auto idle = host.idle();
    if (!idle || *idle) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  host.set_stall_timeout(std::chrono::duration_cast<std::chrono::milliseconds>(setup.settings.detect.stall_timeout));
  if (played)
    std::printf("The demo played %zu runs of 5 agents; see the dashboard.\n", played->runs);
  else
    std::fprintf(stderr, "dunetrace: %s\n", played.error().text.c_str());
  std::fflush(stdout);
}

Result<int> up(bool with_demo) {
  DUNE_TRY(setup, load_setup());
  const auto& data_dir = setup.settings.host.data_dir;
  const StopSignalWatch watch;
  DUNE_TRY(lock, store::DataDirLock::take(data_dir));
  remove_ports(data_dir);  // of a host that was killed
  const auto log_file = (data_dir / "dunetrace.log").string();
  DUNE_TRY(log, make_logger(setup, log_file));
  open_record(setup, *log);
  DUNE_TRY(detectors, load_detectors(setup, *log, {}, Purpose::service));
  plugin::Live live(std::make_shared<const plugin::Generation>(std::move(detectors)));
  std::unique_ptr<store::ManagedPostgres> postgres;  // ends after the host, also when something fails
  auto database = setup.settings.host.database_url;
  if (database.empty()) {
    store::ManagedPostgresOptions options{.data_dir = data_dir, .lock = std::move(lock), .stop = watch.token()};
    DUNE_TRY(started, store::ManagedPostgres::start(std::move(options), *log));
    postgres = std::move(started);
    database = postgres->url();
  }
  Host::Options options{
      .roles = {std::begin(Host::kRoles), std::end(Host::kRoles)}, .database_url = database, .stop = watch.token()};
  DUNE_TRY(host, Host::start(setup, live, std::move(options), *log));
  DUNE_TRY_VOID(write_ports(host->ports(), data_dir));
  print_ready(setup, host->ports(), log_file);
  std::jthread player;
  if (with_demo && host->empty().value_or(false)) {
    player = std::jthread([&](std::stop_token stop) { demo(stop, *host, setup); });
  }
  wait_for_stop_signal();
  const auto end = std::chrono::steady_clock::now() + kEndLimit;
  remove_ports(data_dir);
  std::printf("Stopping …\n");
  std::fflush(stdout);
  if (player.joinable()) {
    player.request_stop();
    host->refuse_questions();
    player.join();
  }
  const bool stored = host->stop(kStopLimit);
  host.reset();
  if (postgres) {
    postgres->stop(std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()));
  }
  if (!stored) return fail(Code::unavailable, "the database did not take all accepted events in time; see " + log_file);
  return 0;
}

}  // namespace

Command make_up(CLI::App& parent) {
  auto* app = parent.add_subcommand("up", "Run everything on this machine; needs no configuration");
  const auto with_demo = std::make_shared<bool>(false);
  app->add_flag("--demo", *with_demo, "Play the demo agents once when the database is empty");
  return {app, [with_demo] {
            block_stop_signals();
            const auto code = up(*with_demo);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
