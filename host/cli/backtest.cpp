// dunetrace backtest: recorded runs through the configuration in force and a proposed one.
#include "backtest/backtest.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "backtest/call_watch.hpp"
#include "backtest/database_source.hpp"
#include "backtest/file_source.hpp"
#include "backtest/report.hpp"
#include "cli/command.hpp"
#include "cli/plugin_trial.hpp"
#include "cli/setup.hpp"
#include "core/clock.hpp"

namespace dunetrace::cli {
namespace {

constexpr int kTooMany = 3;  // --max-new is exceeded
constexpr const char* kDefaultSince = "7d";
constexpr auto kShowEvery = std::chrono::milliseconds(200);

struct Arguments {
  std::string config;
  std::string plugin;
  std::string since;
  std::string agent;
  std::string from;
  std::optional<std::int64_t> max_new;
  bool json = false;
};

// "90s", "30m", "12h", "7d", "2w" in seconds.
Result<double> duration_of(const std::string& text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double seconds = unit == "s"   ? 1
                         : unit == "m" ? 60
                         : unit == "h" ? 3'600
                         : unit == "d" ? 86'400
                         : unit == "w" ? 604'800
                                       : 0;
  if (error != std::errc{} || count <= 0 || seconds == 0) {
    return fail(Code::invalid_argument, "--since: expected a time such as 12h, 7d or 2w, got '" + text + "'");
  }
  return count * seconds;
}

// The configuration in force, with one library more or in the place of its older version.
Result<Detectors> with_plugin(const Setup& setup, const Detectors& current, const std::string& file) {
  // Told what it is before any of its code is in this process.
  Trial trial;
  DUNE_TRY(outside, trial.open(file));
  const auto is_detector = [](const plugin::Component& one) { return one.schema.kind == "detector"; };
  if (std::ranges::none_of(outside.components, is_detector)) {
    return fail(Code::invalid_argument, "--plugin " + file + ": brings no detector; only detectors judge runs");
  }
  DUNE_TRY(library, load_plugin(file, false));
  const std::filesystem::path path = library.path;
  auto libraries = current.registry.libraries();
  std::erase_if(libraries, [&](const plugin::Library& other) { return other.id == library.id; });
  libraries.push_back(std::move(library));
  DUNE_TRY(registry, plugin::Registry::of(std::move(libraries)));
  DUNE_TRY(parsed, config::DetectorsFile::load(current.file));
  const auto schemas = registry.schemas();
  DUNE_TRY(config, parsed.resolve(schemas, setup.settings.detect.shadow_failure_types));
  return Detectors{std::move(registry), std::move(config), path};
}

Result<std::optional<Detectors>> proposal(const Setup& setup, const Detectors& current, const Arguments& args,
                                          telemetry::Logger& log) {
  if (!args.config.empty()) {
    DUNE_TRY(detectors, load_detectors(setup, log, args.config));
    return std::optional(std::move(detectors));
  }
  if (!args.plugin.empty()) {
    DUNE_TRY(detectors, with_plugin(setup, current, args.plugin));
    return std::optional(std::move(detectors));
  }
  return std::optional<Detectors>();
}

// A line on the terminal that counts, and goes when it is done. Nothing when nobody watches.
class Counter {
 public:
  Counter() : shown_(::isatty(STDERR_FILENO) == 1) {}
  ~Counter() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void show(std::size_t runs) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now - last_ < kShowEvery) return;
    last_ = now;
    std::fprintf(stderr, "\r%zu runs", runs);
    std::fflush(stderr);
  }

 private:
  const bool shown_;
  std::chrono::steady_clock::time_point last_;
};

struct Sides {
  const Detectors& current;
  const Detectors& proposed;
};

Result<backtest::Report> replay(backtest::Source& source, const Sides& sides, const Arguments& args,
                                telemetry::Logger& log) {
  Counter counter;
  backtest::Options options;
  options.threads = std::max(std::thread::hardware_concurrency(), 1U);
  options.agent = args.agent;
  if (!args.from.empty() && !args.since.empty()) {
    DUNE_TRY(seconds, duration_of(args.since));
    options.last_seconds = seconds;
  }
  options.progress = [&](std::size_t runs) { counter.show(runs); };
  return backtest::backtest(source, {sides.current.registry, sides.current.config},
                            {sides.proposed.registry, sides.proposed.config}, options, log);
}

Result<backtest::Report> replay_file(const Setup& setup, const Sides& sides, const Arguments& args,
                                     telemetry::Logger& log) {
  DUNE_TRY(source, backtest::FileSource::open(args.from, {setup.settings.ingest.rehash_legacy_fields}));
  DUNE_TRY(report, replay(source, sides, args, log));
  // A gate that passes because its file is the wrong one guards nothing.
  if (report.runs + report.other_agents == 0) {
    auto why = args.from + ": holds no run";
    if (!report.skipped.empty()) why += "; " + report.skipped.front().where + " " + report.skipped.front().reason;
    return fail(Code::invalid_argument, why);
  }
  return report;
}

Result<backtest::Report> replay_database(const Setup& setup, const Sides& sides, const Arguments& args,
                                         telemetry::Logger& log) {
  DUNE_TRY(url, database_url_or_own(setup, "backtest without --from"));
  DUNE_TRY(seconds, duration_of(args.since.empty() ? kDefaultSince : args.since));
  telemetry::Metrics metrics;
  const auto threads = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  store::DatabaseOptions options{.url = url, .application_name = "dunetrace-backtest", .max_connections = threads + 1};
  options.statement_timeout = std::chrono::minutes(10);  // somebody waits for it and can see it work
  store::Database db(options, log, metrics);
  backtest::DatabaseSource source(db, {SystemClock().unix_seconds() - seconds, args.agent});
  return replay(source, sides, args, log);
}

Result<int> run(const Arguments& args) {
  DUNE_TRY(setup, load_setup());
  if (!args.since.empty()) DUNE_TRY_VOID(duration_of(args.since).map([](double) {}));
  telemetry::Logger log(telemetry::Level::error);
  const backtest::CallWatch watch;
  auto loading = std::make_unique<backtest::CallWatch::Mark>("a plugin, while it was loaded,");
  DUNE_TRY(current, load_detectors(setup, log));
  DUNE_TRY(other, proposal(setup, current, args, log));
  loading.reset();
  if (!other && ::isatty(STDERR_FILENO) == 1) {  // for people; what programs read stays as it is
    std::fputs("dunetrace: nothing is proposed (no --config, no --plugin): what fires now is compared with itself\n",
               stderr);
  }
  const Sides sides{current, other ? *other : current};
  DUNE_TRY(report, args.from.empty() ? replay_database(setup, sides, args, log) : replay_file(setup, sides, args, log));
  if (!args.agent.empty() && report.runs == 0 && report.other_agents > 0) {
    std::fprintf(stderr, "dunetrace: warning: --agent %s: none of the %zu runs is of this agent\n", args.agent.c_str(),
                 report.other_agents);
  }
  backtest::Sources sources{current.file.string(), sides.proposed.file.string(), args.from};
  if (args.from.empty()) sources.runs = "database, last " + (args.since.empty() ? kDefaultSince : args.since);
  const auto text = args.json ? backtest::to_json(report, sources) : backtest::to_text(report, sources);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return fail(Code::internal, "the report could not be written");
  if (!args.max_new || report.newly <= static_cast<std::size_t>(*args.max_new)) return 0;
  std::fprintf(stderr, "dunetrace: %zu newly firing, --max-new allows %lld\n", report.newly,
               static_cast<long long>(*args.max_new));
  return kTooMany;
}

}  // namespace

Command make_backtest(CLI::App& parent) {
  auto* app =
      parent.add_subcommand("backtest", "Replay recorded runs through the current and a proposed configuration");
  const auto args = std::make_shared<Arguments>();
  auto* config = app->add_option("--config", args->config, "The proposed detectors.yml");
  auto* plugin = app->add_option("--plugin", args->plugin, "A plugin that is proposed to be added (FILE.so)");
  config->excludes(plugin);
  app->add_option(
      "--since", args->since,
      "Only runs of so long before now, such as 12h or 7d (the default); with --from before its newest run");
  app->add_option("--agent", args->agent, "Only this agent's runs");
  app->add_option("--from", args->from, "Recorded runs as NDJSON, also gzip (default: the database of DATABASE_URL)");
  app->add_flag("--json", args->json, "Everything, for programs");
  app->add_option("--max-new", args->max_new, "Exit code 3 when more than so many newly fire")
      ->check(CLI::Validator(
          [](const std::string& text) {
            const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
            return digits && text.size() <= 9 ? std::string()
                                              : "expected a whole number, at least 0, got '" + text + "'";
          },
          "N"));
  return {app, [args] {
            const auto code = run(*args);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
