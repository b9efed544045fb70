// dunetrace migrate: brings the schema of DATABASE_URL up to date.
#include <cstdio>

#include "cli/command.hpp"
#include "cli/setup.hpp"

namespace dunetrace::cli {
namespace {

Result<int> run() {
  DUNE_TRY(setup, load_setup());
  DUNE_TRY(url, database_url(setup, "migrate"));
  DUNE_TRY(log, make_logger(setup));
  telemetry::Metrics metrics;
  store::Database db({.url = url, .application_name = "dunetrace-migrate", .max_connections = 1}, *log, metrics);
  DUNE_TRY(applied, migrate_when_reachable(db, setup.paths.migrations, std::chrono::seconds(0), *log));
  for (const auto& name : applied) std::printf("applied %s\n", name.c_str());
  std::printf("%s\n", applied.empty() ? "the schema is up to date already" : "the schema is up to date");
  return 0;
}

}  // namespace

Command make_migrate(CLI::App& parent) {
  auto* app = parent.add_subcommand("migrate", "Bring the database schema of DATABASE_URL up to date");
  return {app, [] {
            const auto code = run();
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
