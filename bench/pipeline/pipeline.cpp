#include "pipeline/pipeline.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "config/detectors_file.hpp"
#include "detect/worker.hpp"
#include "pipeline/server.hpp"
#include "plugin/registry.hpp"

namespace dunetrace::load {

using namespace std::chrono_literals;

Pipeline::Pipeline(telemetry::Logger& log) : log_(log) {
  auto registry = plugin::Registry::load(DUNE_PLUGIN_DIR, {}, log);
  if (!registry) give_up("plugins", registry.error().text);
  auto file = config::DetectorsFile::parse("", "none");
  auto config = file->resolve(registry->schemas(), {});
  live_ = std::make_unique<plugin::Live>(
      std::make_shared<const plugin::Generation>(plugin::Generation{std::move(*registry), std::move(*config), "none"}));
}

Judged Pipeline::drain(const std::string& url, int workers, int batch) const {
  telemetry::Metrics metrics;
  detect::WorkerMetrics counters(metrics);
  detect::Options options;
  options.batch_size = batch;
  const std::atomic<std::chrono::milliseconds> stall_timeout{1h};
  store::Database db(
      {.url = url, .application_name = "pipeline_load", .max_connections = workers, .lazy_commits = true}, log_,
      metrics);
  std::atomic<std::uint64_t> judged{0};
  std::atomic<bool> failed{false};
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < workers; ++i) {
      threads.emplace_back([&] {
        detect::Worker worker(options, stall_timeout, db, *live_, log_, counters, clock_);
        while (!failed) {
          const auto cycle = worker.cycle();
          if (!cycle) failed = true;
          if (!cycle || cycle->claimed == 0) return;
          judged += cycle->claimed;
        }
      });
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (failed) give_up("judging", "a batch failed");
  return {took.count(), judged};
}

}  // namespace dunetrace::load
