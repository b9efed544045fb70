// dunetrace demo: a handful of believable agents against a running host.
#include "cli/demo.hpp"

#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>

#include "cli/command.hpp"
#include "cli/demo_agents.hpp"
#include "cli/setup.hpp"
#include "http/client.hpp"
#include "json/reader.hpp"

namespace dunetrace::cli {
namespace {

// The `detail` of an error body when it is a text; the status otherwise.
std::string reason(const http::ClientResponse& response) {
  json::Parser parser;
  const auto body = parser.parse(response.body);
  if (body) {
    if (const auto detail = (*body)["detail"].string()) return std::string(*detail);
  }
  return "status " + std::to_string(response.status);
}

void pause(std::stop_token stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

struct Arguments {
  DemoOptions options;
  double seconds = 8;
};

int run(const Arguments& args) {
  const auto play = [&]() -> Result<DemoResult> {
    DUNE_TRY(setup, load_setup());
    auto options = args.options;
    if (options.ingest_url.empty()) {
      const auto port = setup.settings.host.ingest_port == 0 ? 8001 : setup.settings.host.ingest_port;
      options.ingest_url = "http://127.0.0.1:" + std::to_string(port);
    }
    options.play_time = std::chrono::milliseconds(static_cast<std::int64_t>(args.seconds * 1000));
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    return play_demo(options, SystemClock(), {}, [terminal](std::size_t done, std::size_t all) {
      if (terminal) std::fprintf(stderr, "\r%zu of %zu runs", done, all);
      if (terminal && done == all) std::fprintf(stderr, "\n");
    });
  };
  const auto result = play();
  if (!result) return report(result.error());
  std::printf(
      "sent %zu runs of 5 agents, %zu events; one of the runs never ends and shows up when it counts as stalled\n",
      result->runs, result->events);
  return 0;
}

}  // namespace

Result<DemoResult> play_demo(const DemoOptions& options, const Clock& clock, std::stop_token stop,
                             const std::function<void(std::size_t, std::size_t)>& progress) {
  http::Client client;
  DemoResult result;
  const auto runs = demo_runs(clock.unix_seconds(), options.api_key);
  const auto gap = options.play_time / static_cast<int>(runs.size());
  for (const auto& demo_run : runs) {
    if (stop.stop_requested()) break;
    const auto sent = client.send(http::Method::post, options.ingest_url + "/v1/ingest",
                                  {{"Content-Type", "application/json"}}, demo_run.body, std::chrono::seconds(5));
    if (!sent) {
      return fail(sent.error().code, "demo: " + options.ingest_url + ": " + sent.error().text +
                                         " (is the host up? start it with: dunetrace up)");
    }
    if (sent->status != 202)
      return fail(Code::internal, "demo: " + options.ingest_url + "/v1/ingest: " + reason(*sent));
    ++result.runs;
    result.events += demo_run.events;
    progress(result.runs, runs.size());
    if (gap.count() > 0) pause(stop, gap);
  }
  return result;
}

Command make_demo(CLI::App& parent) {
  auto* app = parent.add_subcommand("demo", "Play demo agents, healthy and failing ones, against a running host");
  const auto args = std::make_shared<Arguments>();
  app->add_option("--ingest", args->options.ingest_url,
                  "Ingest URL (default: port DUNETRACE_INGEST_PORT or 8001 of this machine)");
  app->add_option("--api-key", args->options.api_key, "Key to send with the events (default: none, for dev mode)");
  app->add_option("--seconds", args->seconds, "Spread the runs over this time")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  return {app, [args] { return run(*args); }};
}

}  // namespace dunetrace::cli
