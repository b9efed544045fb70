// dunetrace serve: chosen roles against the operator's own PostgreSQL.
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "cli/command.hpp"
#include "cli/host.hpp"
#include "store/data_dir_lock.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::chrono::seconds kStopLimit{8};  // of the 10 s in which everything has ended

// Several processes may share a data directory, one role each. The first has its lock, and with it ports.json; the
// others tell their ports on stdout only.
Result<std::optional<store::DataDirLock>> lock_if_free(const std::filesystem::path& data_dir, telemetry::Logger& log) {
  auto lock = store::DataDirLock::take(data_dir);
  if (lock) return std::optional(std::move(*lock));
  if (lock.error().code != Code::conflict) return tl::unexpected<Error>(std::move(lock).error());
  log.info("host.ports_not_written", {{"directory", data_dir.string()}, {"reason", "another process has its lock"}});
  return std::optional<store::DataDirLock>();
}

Result<int> serve(const std::vector<std::string>& roles) {
  DUNE_TRY(setup, load_setup());
  DUNE_TRY(url, database_url(setup, "serve"));
  DUNE_TRY(log, make_logger(setup));
  const StopSignalWatch watch;
  DUNE_TRY(lock, lock_if_free(setup.settings.host.data_dir, *log));
  if (lock) remove_ports(setup.settings.host.data_dir);
  open_record(setup, *log);
  DUNE_TRY(detectors, load_detectors(setup, *log, {}, Purpose::service));
  plugin::Live live(std::make_shared<const plugin::Generation>(std::move(detectors)));
  Host::Options options{.roles = {roles.begin(), roles.end()}, .database_url = url, .stop = watch.token()};
  DUNE_TRY(host, Host::start(setup, live, std::move(options), *log));
  if (lock) DUNE_TRY_VOID(write_ports(host->ports(), setup.settings.host.data_dir));
  const auto& ports = host->ports();
  std::printf("ready: ingest %d, api %d, dashboard %d (0 = not in this process)\n", ports.ingest, ports.api,
              ports.dashboard);
  std::fflush(stdout);
  wait_for_stop_signal();
  if (lock) remove_ports(setup.settings.host.data_dir);
  return host->stop(kStopLimit) ? 0 : kFailed;
}

}  // namespace

Command make_serve(CLI::App& parent) {
  auto* app = parent.add_subcommand("serve", "Run roles against the PostgreSQL of DATABASE_URL");
  const auto roles = std::make_shared<std::vector<std::string>>(std::begin(Host::kRoles), std::end(Host::kRoles));
  app->add_option("--roles", *roles, "Which roles this process runs")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(Host::kRoles), std::end(Host::kRoles))))
      ->capture_default_str();
  return {app, [roles] {
            block_stop_signals();
            const auto code = serve(*roles);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
