// dunetrace dead-letters list|retry|drop: the events that the database (of DATABASE_URL or of a running `up`) refused.
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <vector>

#include "cli/command.hpp"
#include "cli/setup.hpp"
#include "store/dead_letters.hpp"

namespace dunetrace::cli {
namespace {

constexpr int kPage = 500;

struct Arguments {
  std::vector<std::int64_t> ids;
  bool all = false;
};

std::string minute(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

// Calls `use` with every letter, the oldest first.
template <class F>
Result<> each_letter(store::Database& db, F use) {
  for (std::int64_t after = 0;;) {
    DUNE_TRY(letters, store::list_dead_letters(db, after, kPage));
    if (letters.empty()) return {};
    for (const auto& letter : letters) use(letter);
    after = letters.back().id;
  }
}

Result<std::vector<std::int64_t>> chosen(store::Database& db, const Arguments& args) {
  if (args.all == !args.ids.empty()) return fail(Code::invalid_argument, "give ids or --all, not both");
  if (!args.all) return args.ids;
  std::vector<std::int64_t> ids;
  DUNE_TRY_VOID(each_letter(db, [&](const store::DeadLetter& letter) { ids.push_back(letter.id); }));
  return ids;
}

Result<int> list(store::Database& db) {
  std::size_t count = 0;
  DUNE_TRY_VOID(each_letter(db, [&](const store::DeadLetter& letter) {
    ++count;
    std::printf("%-6lld %s  %s  customer=%s run=%s step=%d  tried %d time%s: %s\n", static_cast<long long>(letter.id),
                minute(letter.failed_at).c_str(), letter.event_type.c_str(), letter.customer_id.c_str(),
                letter.run_id.c_str(), letter.step_index, letter.attempts, letter.attempts == 1 ? "" : "s",
                letter.reason.c_str());
  }));
  if (count == 0) std::printf("no dead letters\n");
  return 0;
}

// Every one is tried; the exit code says whether all went well.
template <class F>
Result<int> apply(store::Database& db, const Arguments& args, const char* done_word, F act) {
  DUNE_TRY(ids, chosen(db, args));
  std::size_t done = 0;
  for (const auto id : ids) {
    const auto result = act(db, id);
    if (result) {
      ++done;
      continue;
    }
    if (result.error().code == Code::unavailable) return tl::unexpected(result.error());
    std::fprintf(stderr, "dunetrace: %lld: %s\n", static_cast<long long>(id), result.error().text.c_str());
  }
  std::printf("%s %zu of %zu\n", done_word, done, ids.size());
  return done == ids.size() ? 0 : kFailed;
}

template <class F>
int with_database(F work) {
  const auto run = [&]() -> Result<int> {
    DUNE_TRY(setup, load_setup());
    DUNE_TRY(url, database_url_or_own(setup, "dead-letters"));
    DUNE_TRY(log, make_logger(setup));
    telemetry::Metrics metrics;
    store::Database db({.url = url, .application_name = "dunetrace-dead-letters", .max_connections = 1}, *log, metrics);
    DUNE_TRY(applied, migrate_when_reachable(db, setup.paths.migrations, std::chrono::seconds(0), *log));
    return work(db);
  };
  const auto code = run();
  return code ? *code : report(code.error());
}

}  // namespace

Command make_dead_letters(CLI::App& parent) {
  auto* app = parent.add_subcommand("dead-letters", "Events that the database refused");
  app->require_subcommand(1);
  const auto args = std::make_shared<Arguments>();
  auto* show = app->add_subcommand("list", "What was refused, and why");
  auto* retry = app->add_subcommand("retry", "Store them after all");
  auto* drop = app->add_subcommand("drop", "Throw them away");
  for (auto* sub : {retry, drop}) {
    sub->add_option("id", args->ids, "Ids as list shows them");
    sub->add_flag("--all", args->all, "All of them");
  }
  return {app, [=] {
            return with_database([&](store::Database& db) -> Result<int> {
              if (show->parsed()) return list(db);
              if (retry->parsed()) return apply(db, *args, "stored", store::retry_dead_letter);
              return apply(db, *args, "dropped", store::drop_dead_letter);
            });
          }};
}

}  // namespace dunetrace::cli
