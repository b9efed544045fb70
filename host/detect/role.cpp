#include "detect/role.hpp"

#include <atomic>
#include <thread>

#include "detect/wakeup.hpp"
#include "detect/worker.hpp"
#include "store/notifications.hpp"

namespace dunetrace::detect {

struct Role::Impl {
  Impl(Options o, store::Database& database, const plugin::Registry& registry, const config::DetectorsConfig& config,
       telemetry::Logger& logger, telemetry::Metrics& metrics, const Clock& clock)
      : options(std::move(o)),
        stall_timeout(options.stall_timeout),
        db(database),
        log(logger),
        counters(metrics),
        wakeup(o.workers) {
    for (int i = 0; i < options.workers; ++i) {
      workers.push_back(std::make_unique<Worker>(options, stall_timeout, db, registry, config, log, counters, clock));
    }
    for (int i = 0; i < options.workers; ++i) {
      threads.emplace_back(
          [this, i](std::stop_token stop) { loop(stop, *workers[static_cast<std::size_t>(i)], i == 0); });
    }
    notifications = std::make_unique<store::Notifications>(
        db.options(), std::vector<store::Notifications::Channel>{{"dunetrace_runs", [this] { wakeup.poke(); }}}, log);
  }

  ~Impl() {
    notifications.reset();
    for (auto& thread : threads) thread.request_stop();
    threads.clear();  // joins
  }

  // The first worker also looks when nobody called: that finds stalled runs and whatever a lost notification hid.
  void loop(std::stop_token stop, Worker& worker, bool polls) {
    while (!stop.stop_requested()) {
      const auto done = worker.cycle();
      if (done && *done == static_cast<std::size_t>(options.batch_size)) {
        wakeup.poke();  // there is more than one worker's share
        continue;
      }
      if (!done) log.warn("detect.cycle_failed", {{"reason", done.error().text}});
      if (done && *done > 0) continue;  // what arrived meanwhile
      wakeup.wait(stop, polls || !done ? options.poll_interval : std::chrono::hours(1));
    }
  }

  const Options options;
  std::atomic<std::chrono::milliseconds> stall_timeout;
  store::Database& db;
  telemetry::Logger& log;
  WorkerMetrics counters;
  Wakeup wakeup;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::jthread> threads;
  std::unique_ptr<store::Notifications> notifications;
};

Role::Role(Options options, store::Database& db, const plugin::Registry& registry,
           const config::DetectorsConfig& config, telemetry::Logger& log, telemetry::Metrics& metrics,
           const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), db, registry, config, log, metrics, clock)) {}

void Role::set_stall_timeout(std::chrono::milliseconds timeout) {
  impl_->stall_timeout = timeout;
  impl_->wakeup.poke();
}

Role::~Role() = default;

}  // namespace dunetrace::detect
