// pipeline_load: how fast the detection pipeline is, beside a bare SELECT of the same events, with several workers, and
// with many runs in the tables (bench/README.md says how to read its figures). A server of its own in a temporary
// folder.
//   pipeline_load backlog|workers|growth [--runs N] [--rounds N] …
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>

#include "pipeline/backlog.hpp"
#include "pipeline/pipeline.hpp"
#include "pipeline/server.hpp"

namespace dunetrace::load {
namespace {

struct Arguments {
  std::size_t runs = 30'000;
  int rounds = 3;
  int workers = 4;
  int batch = 100;
  std::vector<std::size_t> sizes{10'000, 100'000, 1'000'000};
  bool statements = false;
  std::vector<std::string> settings;  // of the server, name=value
};

struct Figure {
  std::vector<double> rates, client_us, server_us;  // one per round
  [[nodiscard]] double rate() const;
  [[nodiscard]] double cpu_us() const;
};
using Figures = std::map<std::string, Figure>;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double Figure::rate() const { return median(rates); }
double Figure::cpu_us() const { return median(client_us) + median(server_us); }

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::vector<Batch> batches() {
  const auto* const named = std::getenv("DUNETRACE_REAL_RUNS");
  const auto folder = named != nullptr ? std::filesystem::path(named)
                                       : std::filesystem::path(DUNE_SOURCE_DIR) / "../shared/data/real-runs";
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().string().ends_with(".ndjson.gz")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::printf("runs: %s\n", files.empty() ? "made up" : fmt::format("{} files of real runs", files.size()).c_str());
  auto made = make_batches(files, 100);
  if (!made) give_up("runs", made.error().text);
  return std::move(*made);
}

class Bench {
 public:
  explicit Bench(const Arguments& arguments)
      : arguments_(arguments),
        log_(telemetry::Level::error),
        server_(log_, settings(arguments)),
        pipeline_(log_),
        batches_(batches()) {}

  void backlog() {
    fill_template();
    Figures figures;
    const auto select = [&](std::size_t at_once) {
      return select_events(server_.url("work"), arguments_.workers, at_once).seconds;
    };
    for (int round = 0; round < arguments_.rounds; ++round) {
      server_.copy("filled", "work");
      static_cast<void>(select(100));  // the caches are warm afterwards
      measure(figures, "SELECT, 100 runs each", [&] { return select(100); });
      measure(figures, "SELECT, one run each", [&] { return select(1); });
      measure(figures, "pipeline", [&] { return judge(arguments_.workers); });
    }
    const auto& pipeline = figures["pipeline"];
    std::printf("%d connections, %d workers, medians of %d rounds:\n  pipeline %.0f runs/s, %.0f us CPU per run\n",
                arguments_.workers, arguments_.workers, arguments_.rounds, pipeline.rate(), pipeline.cpu_us());
    for (const auto* each : {"SELECT, 100 runs each", "SELECT, one run each"})
      std::printf("  beside %s: rate %.2f (target 0.5), by CPU %.2f\n", each, pipeline.rate() / figures[each].rate(),
                  figures[each].cpu_us() / pipeline.cpu_us());
  }

  void workers() {
    fill_template();
    Figures figures;
    for (int round = 0; round < arguments_.rounds; ++round) {
      for (const int workers : {1, 2}) {
        server_.copy("filled", "work");
        static_cast<void>(select_events(server_.url("work"), 1, 100));
        measure(figures, workers == 1 ? "1 worker" : "2 workers", [&] { return judge(workers); });
      }
    }
    std::printf("medians of %d rounds: 2 workers / 1 worker %.2f (target 1.6)\n", arguments_.rounds,
                figures["2 workers"].rate() / figures["1 worker"].rate());
  }

  void growth() {
    Figures figures;
    const auto named = [](std::size_t size) { return fmt::format("of_{}", size); };
    for (const auto size : arguments_.sizes) {
      server_.make(named(size));
      Connection to(server_.url(named(size)));
      fill_up(to, size);
      std::printf("%zu runs are there\n", size);
    }
    std::uint32_t lap = 1;
    for (int round = 0; round < arguments_.rounds; ++round) {
      for (const auto size : arguments_.sizes) {
        const auto url = server_.url(named(size));
        Connection to(url);
        lap = add_backlog(to, batches_, arguments_.runs, lap);
        static_cast<void>(select_events(url, 1, 100));
        measure(figures, named(size), [&] { return pipeline_.drain(url, 1, arguments_.batch).seconds; });
      }
    }
    const auto& first = figures[named(arguments_.sizes.front())];
    std::printf("medians of %d rounds, beside the first:\n", arguments_.rounds);
    for (const auto size : arguments_.sizes)
      std::printf("  %zu runs in the tables: time per run %.2f (target 1.2), CPU per run %.2f\n", size,
                  first.rate() / figures[named(size)].rate(), figures[named(size)].cpu_us() / first.cpu_us());
  }

 private:
  // What was stored to begin with is vacuumed where it was stored; later, that would be counted for somebody else.
  static std::vector<std::string> settings(const Arguments& arguments) {
    std::vector<std::string> settings{"autovacuum=off"};
    if (arguments.statements) {
      settings.emplace_back("shared_preload_libraries=pg_stat_statements");
      settings.emplace_back("pg_stat_statements.track_planning=on");
    }
    settings.insert(settings.end(), arguments.settings.begin(), arguments.settings.end());
    return settings;
  }

  // What the server spent on each statement of the pipeline.
  void tell_statements(Connection& from) const {
    for (const auto& line :
         from.lines(fmt::format("SELECT round(((total_exec_time + total_plan_time) * 1000 / {0})::numeric, 1) || ' us "
                                "per run (planning ' || "
                                "round((total_plan_time * 1000 / {0})::numeric, 1) || '), ' || calls || ' calls:', "
                                "left(regexp_replace(query, '\\s+', ' ', 'g'), 90) FROM pg_stat_statements s "
                                "JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database() "
                                "ORDER BY total_exec_time + total_plan_time DESC LIMIT 15",
                                arguments_.runs)))
      std::printf("    %s\n", line.c_str());
  }

  void fill_template() {
    server_.make("filled");
    Connection to(server_.url("filled"));
    add_backlog(to, batches_, arguments_.runs, 1);
    to.exec("VACUUM ANALYZE");
    std::printf("%zu runs with %s events wait\n", arguments_.runs,
                to.scalar("SELECT sum(event_count) FROM runs").c_str());
  }

  // Rate, and what a run costs: on a machine with other work CPU time says more than the rate.
  template <class Work>
  void measure(Figures& figures, const std::string& what, Work work) {
    const auto server = server_.cpu_seconds(), client = own_cpu_seconds();
    const auto runs = static_cast<double>(arguments_.runs);
    const auto seconds = work();
    auto& figure = figures[what];
    figure.rates.push_back(runs / seconds);
    figure.client_us.push_back((own_cpu_seconds() - client) * 1e6 / runs);
    figure.server_us.push_back((server_.cpu_seconds() - server) * 1e6 / runs);
    std::printf("  %-22s %7.0f runs/s, CPU per run: client %3.0f us, server %3.0f us\n", what.c_str(),
                figure.rates.back(), figure.client_us.back(), figure.server_us.back());
  }

  double judge(int workers) {
    Connection look(server_.url("work"));
    if (arguments_.statements) look.exec("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()");
    const auto judged = pipeline_.drain(server_.url("work"), workers, arguments_.batch);
    if (arguments_.statements) tell_statements(look);
    const auto written = look.scalar("SELECT count(*) FROM processed_runs WHERE incomplete = '[]'");
    if (judged.runs != arguments_.runs || written != std::to_string(arguments_.runs))
      give_up("judging", fmt::format("{} runs claimed and {} written of {}", judged.runs, written, arguments_.runs));
    return judged.seconds;
  }

  const Arguments arguments_;
  telemetry::Logger log_;
  Server server_;
  Pipeline pipeline_;
  std::vector<Batch> batches_;
};

int run(int argc, char** argv) {
  CLI::App app("The detection pipeline on a database of its own");
  app.require_subcommand(1);
  Arguments arguments;
  const auto common = [&](CLI::App* sub) {
    sub->add_option("--rounds", arguments.rounds, "Everything is measured that often, in turn");
    sub->add_flag("--statements", arguments.statements, "Tell what the server spent on each statement");
    sub->add_option("--set", arguments.settings, "Settings of the server, name=value");
    sub->add_option("--batch", arguments.batch, "Runs per claim");
    sub->add_option("--runs", arguments.runs, "Runs that wait");
    return sub;
  };
  auto* backlog = common(app.add_subcommand("backlog", "From rows read to signals written, beside a bare SELECT"));
  backlog->add_option("--workers", arguments.workers, "Threads that judge, and connections that select");
  auto* workers = common(app.add_subcommand("workers", "Two workers beside one"));
  auto* growth = common(app.add_subcommand("growth", "The cost per run with many runs in the tables"));
  growth->add_option("--sizes", arguments.sizes, "Runs in the tables")->delimiter(',');
  CLI11_PARSE(app, argc, argv);
  if (*growth && growth->count("--runs") == 0) arguments.runs = 4'000;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    Bench bench(arguments);
    if (*backlog) bench.backlog();
    if (*workers) bench.workers();
    if (*growth) bench.growth();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pipeline_load: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace dunetrace::load

int main(int argc, char** argv) { return dunetrace::load::run(argc, argv); }
