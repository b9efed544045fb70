// dunetrace dead-letters list|retry|drop: the events that the database (of DATABASE_URL or of a running `up`) refused.
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <vector>

#include "cli/command.hpp"
#include "cli/setup.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"
#include "store/dead_letters.hpp"

namespace dunetrace::cli {
namespace {

constexpr int kPage = 500;

struct Arguments {
  std::vector<std::int64_t> ids;
  std::string customer, run;
  bool all = false, as_json = false, yes = false;

  [[nodiscard]] store::DeadLetterFilter filter() const {
    const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
    return {given(customer), given(run)};
  }
  [[nodiscard]] bool by_filter() const { return !customer.empty() || !run.empty(); }
};

std::string minute(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

// Calls `use` with every letter that the filter lets through, the oldest first.
template <class F>
Result<> each_letter(store::Database& db, const Arguments& args, F use) {
  for (std::int64_t after = 0;;) {
    DUNE_TRY(letters, store::list_dead_letters(db, after, kPage, args.filter()));
    if (letters.empty()) return {};
    for (const auto& letter : letters) use(letter);
    after = letters.back().id;
  }
}

Result<std::vector<std::int64_t>> chosen(store::Database& db, const Arguments& args) {
  const int ways = (args.all ? 1 : 0) + (args.ids.empty() ? 0 : 1) + (args.by_filter() ? 1 : 0);
  if (ways != 1) return fail(Code::invalid_argument, "give ids, or --customer and --run, or --all");
  if (!args.ids.empty()) return args.ids;
  std::vector<std::int64_t> ids;
  DUNE_TRY_VOID(each_letter(db, args, [&](const store::DeadLetter& letter) { ids.push_back(letter.id); }));
  return ids;
}

void print(const store::DeadLetter& letter) {
  std::printf("%-6lld %s  %s  customer=%s run=%s step=%d  tried %d time%s: %s\n", static_cast<long long>(letter.id),
              minute(letter.failed_at).c_str(), letter.event_type.c_str(), letter.customer_id.c_str(),
              letter.run_id.c_str(), letter.step_index, letter.attempts, letter.attempts == 1 ? "" : "s",
              letter.reason.c_str());
}

// One line with all that is known; `event` is one that POST /v1/ingest takes.
void print_json(const store::DeadLetter& letter, json::Parser& parser) {
  json::Writer out;
  out.begin_object();
  out.field("id", letter.id);
  out.field("customer_id", letter.customer_id);
  out.field("batch_id", letter.batch_id);
  out.field("failed_at", letter.failed_at);
  out.field("attempts", letter.attempts);
  out.field("reason", letter.reason);
  out.key("event");
  out.begin_object();
  out.field("event_type", letter.event_type);
  out.field("run_id", letter.run_id);
  out.field("agent_id", letter.agent_id);
  out.field("agent_version", letter.agent_version);
  out.field("step_index", letter.step_index);
  out.field("timestamp", letter.timestamp);
  out.key("payload");
  if (parser.parse(letter.payload))
    out.raw(letter.payload);
  else
    out.string(letter.payload);
  if (letter.parent_run_id) out.field("parent_run_id", *letter.parent_run_id);
  out.end_object();
  out.end_object();
  std::printf("%s\n", out.text().c_str());
}

Result<int> list(store::Database& db, const Arguments& args) {
  std::size_t count = 0;
  json::Parser parser;
  DUNE_TRY_VOID(each_letter(db, args, [&](const store::DeadLetter& letter) {
    ++count;
    if (args.as_json)
      print_json(letter, parser);
    else
      print(letter);
  }));
  if (count == 0 && !args.as_json) std::printf("no dead letters\n");
  return 0;
}

// Who types is asked before more goes than was named; a program knows what it does.
bool confirmed(const Arguments& args, std::size_t count) {
  if (args.yes || !args.ids.empty() || count == 0 || ::isatty(STDIN_FILENO) != 1) return true;
  std::fprintf(stderr, "throw away %zu dead letters for good? [y/N] ", count);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

// Every one is tried; the exit code says whether all went well.
template <class F>
Result<int> apply(store::Database& db, const std::vector<std::int64_t>& ids, const char* done_word, F act) {
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

Result<int> retry(store::Database& db, const Arguments& args) {
  DUNE_TRY(ids, chosen(db, args));
  return apply(db, ids, "stored", store::retry_dead_letter);
}

Result<int> drop(store::Database& db, const Arguments& args) {
  DUNE_TRY(ids, chosen(db, args));
  if (!confirmed(args, ids.size())) return fail(Code::invalid_argument, "nothing is dropped");
  return apply(db, ids, "dropped", store::drop_dead_letter);
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
  auto* again = app->add_subcommand("retry", "Store them after all");
  auto* away = app->add_subcommand("drop", "Throw them away; list --json keeps a copy of them");
  for (auto* sub : {show, again, away}) {
    sub->add_option("--customer", args->customer, "Those of this customer");
    sub->add_option("--run", args->run, "Those of this run");
  }
  for (auto* sub : {again, away}) {
    sub->add_option("id", args->ids, "Ids as list shows them");
    sub->add_flag("--all", args->all, "All of them");
  }
  show->add_flag("--json", args->as_json, "One line per event with everything, the payload too");
  away->add_flag("--yes", args->yes, "Do not ask");
  return {app, [=] {
            return with_database([&](store::Database& db) -> Result<int> {
              if (show->parsed()) return list(db, *args);
              return again->parsed() ? retry(db, *args) : drop(db, *args);
            });
          }};
}

}  // namespace dunetrace::cli
