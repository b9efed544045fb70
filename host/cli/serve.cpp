// dunetrace serve: chosen roles against the operator's own PostgreSQL.
#include <cstdio>
#include <memory>
#include <vector>

#include "cli/command.hpp"
#include "cli/host.hpp"

namespace dunetrace::cli {
namespace {

Result<int> serve(const std::vector<std::string>& roles) {
  DUNE_TRY(setup, load_setup());
  DUNE_TRY(url, database_url(setup, "serve"));
  DUNE_TRY(log, make_logger(setup));
  remove_ports(setup.settings.host.data_dir);
  DUNE_TRY(detectors, load_detectors(setup, *log));
  DUNE_TRY(host, Host::start(setup, detectors, {.roles = {roles.begin(), roles.end()}, .database_url = url}, *log));
  DUNE_TRY_VOID(write_ports(host->ports(), setup.settings.host.data_dir));
  const auto& ports = host->ports();
  std::printf("ready: ingest %d, api %d, dashboard %d (0 = not in this process)\n", ports.ingest, ports.api,
              ports.dashboard);
  std::fflush(stdout);
  wait_for_stop_signal();
  remove_ports(setup.settings.host.data_dir);
  return host->stop(std::chrono::seconds(8)) ? 0 : kFailed;
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
