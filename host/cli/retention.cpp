// dunetrace retention run|status: what EVENT_RETENTION_DAYS means for the partitions of events in the database (of
// DATABASE_URL or of a running `up`), and doing it now instead of with the next pass of a host.
#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/command.hpp"
#include "cli/setup.hpp"
#include "retention/drop.hpp"

namespace dunetrace::cli {
namespace {

using State = store::EventPartition::State;

constexpr int kAsConfigured = -1;
constexpr std::chrono::seconds kPatience{30};  // for a partition in use

std::string minute(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::string size_text(std::int64_t bytes) {
  constexpr double kMega = 1024.0 * 1024;
  if (bytes < 10 * 1024 * 1024) return fmt::format("{} kB", (bytes + 1023) / 1024);
  return fmt::format("{:.0f} MB", static_cast<double>(bytes) / kMega);
}

std::string reason_of(const store::EventPartition& part) {
  if (part.state == State::unjudged)
    return fmt::format("kept: {} run{} in it {} not judged yet", part.unjudged, part.unjudged == 1 ? "" : "s",
                       part.unjudged == 1 ? "is" : "are");
  return "kept";
}

void print(const store::EventPartition& part, const std::string& what) {
  std::printf("%s  %s  about %lld rows  %s  %s\n", part.name.c_str(), part.day.c_str(),
              static_cast<long long>(part.rows), size_text(part.bytes).c_str(), what.c_str());
}

Result<int> run_now(store::Database& db, int days, bool dry_run) {
  if (days == 0) {
    std::printf("EVENT_RETENTION_DAYS is 0: events are kept for ever (--days N sets another limit for once)\n");
    return 0;
  }
  DUNE_TRY(partitions, store::list_event_partitions(db, days));
  int past = 0, dropped = 0, busy = 0;
  for (const auto& part : partitions) {
    if (part.state == State::kept) continue;
    ++past;
    if (part.state != State::due) print(part, reason_of(part));
    if (part.state == State::due && dry_run) print(part, "would be dropped"), ++dropped;
  }
  if (!dry_run) {
    DUNE_TRY_VOID(retention::drop_due(db, partitions, {.days = days, .patience = kPatience},
                                      [&](const store::EventPartition& part, store::Dropped outcome) {
                                        if (outcome == store::Dropped::busy) {
                                          ++busy;
                                          print(part, "in use: not dropped");
                                          return;
                                        }
                                        ++dropped;
                                        print(part,
                                              outcome == store::Dropped::gone ? "dropped by another host" : "dropped");
                                      }));
  }
  if (past == 0) std::printf("no partition is older than %d day%s\n", days, days == 1 ? "" : "s");
  if (past > 0)
    std::printf("%s %d of %d partition%s older than %d day%s\n", dry_run ? "would drop" : "dropped", dropped, past,
                past == 1 ? "" : "s", days, days == 1 ? "" : "s");
  if (busy == 0) return 0;
  return fail(Code::unavailable,
              fmt::format("retention: {} partition{} could not be locked for {} s, a long query, transaction or backup "
                          "uses events (pg_stat_activity shows it); try again when it has ended",
                          busy, busy == 1 ? "" : "s", kPatience.count()));
}

Result<int> print_status(store::Database& db, int days) {
  DUNE_TRY(partitions, store::list_event_partitions(db, days));
  DUNE_TRY(last, store::last_retention_look(db));
  std::int64_t rows = 0, bytes = 0;
  const store::EventPartition* oldest = nullptr;
  for (const auto& part : partitions) {
    rows += part.rows;
    bytes += part.bytes;
    if (oldest == nullptr && part.has_events) oldest = &part;
  }
  std::printf("limit       %s (EVENT_RETENTION_DAYS here)\n",
              days == 0 ? "none, events are kept for ever" : fmt::format("{} days", days).c_str());
  std::printf("partitions  %zu, about %lld rows, %s\n", partitions.size(), static_cast<long long>(rows),
              size_text(bytes).c_str());
  std::printf("oldest      %s\n", oldest == nullptr ? "none has events" : oldest->day.c_str());
  std::printf("made until  %s\n", partitions.empty() ? "nothing is made" : minute(partitions.back().ends_at).c_str());
  if (!last) {
    std::printf("last look   no host has looked yet\n");
  } else {
    std::printf("last look   %s, with a limit of %d days\n", minute(last->seen_at).c_str(), last->days);
    if (last->doubt_until)
      std::printf("in doubt    the clock jumped or no host ran: nothing is dropped by itself until %s\n",
                  minute(*last->doubt_until).c_str());
  }
  for (const auto& part : partitions) {
    if (part.state == State::due) print(part, "due");
    if (part.state == State::unjudged) print(part, reason_of(part));
  }
  return 0;
}

struct Arguments {
  bool dry_run = false;
  int days = kAsConfigured;
};

template <class F>
int with_database(const Arguments& args, F work) {
  const auto run = [&]() -> Result<int> {
    DUNE_TRY(setup, load_setup());
    DUNE_TRY(url, database_url_or_own(setup, "retention"));
    DUNE_TRY(log, make_logger(setup));
    telemetry::Metrics metrics;
    store::Database db({.url = url, .application_name = "dunetrace-retention", .max_connections = 1}, *log, metrics);
    DUNE_TRY(applied, migrate_when_reachable(db, setup.paths.migrations, std::chrono::seconds(0), *log));
    return work(db, args.days == kAsConfigured ? setup.settings.ingest.event_retention_days : args.days);
  };
  const auto code = run();
  return code ? *code : report(code.error());
}

}  // namespace

Command make_retention(CLI::App& parent) {
  auto* app = parent.add_subcommand("retention", "Events older than EVENT_RETENTION_DAYS");
  app->require_subcommand(1);
  const auto args = std::make_shared<Arguments>();
  auto* run = app->add_subcommand("run", "Drop the partitions of events that are older, now; findings stay");
  run->add_flag("--dry-run", args->dry_run, "Only list what would be dropped");
  run->add_option("--days", args->days, "This limit for once, instead of EVENT_RETENTION_DAYS")
      ->check(CLI::Range(1, 36'500))
      ->type_name("N");
  auto* show = app->add_subcommand("status", "What there is, how old it is, and what is due");
  return {app, [=] {
            return with_database(*args, [&](store::Database& db, int days) -> Result<int> {
              return show->parsed() ? print_status(db, days) : run_now(db, days, args->dry_run);
            });
          }};
}

}  // namespace dunetrace::cli
