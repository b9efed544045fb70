#include "detect/role.hpp"

#include <atomic>
#include <exception>
#include <optional>
#include <thread>

#include "detect/wakeup.hpp"
#include "detect/worker.hpp"
#include "store/notifications.hpp"

namespace dunetrace::detect {

struct Role::Impl {
  Impl(Options o, store::Database& database, const plugin::Live& live, telemetry::Logger& logger,
       telemetry::Metrics& metrics, const Clock& time)
      : options(std::move(o)),
        stall_timeout(options.stall_timeout),
        db(database),
        log(logger),
        clock(time),
        counters(metrics),
        wakeup(o.workers) {
    for (int i = 0; i < options.workers; ++i) {
      workers.push_back(std::make_unique<Worker>(options, stall_timeout, db, live, log, counters, clock));
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

  enum class Looked : std::uint8_t { nothing, found, failed };

  // The first worker also looks when nobody called: that finds stalled runs and whatever a lost notification hid.
  void loop(std::stop_token stop, Worker& worker, bool polls) {
    std::uint64_t round = 0;
    while (!stop.stop_requested()) {
      const auto looked = look(worker, polls);
      if (looked == Looked::found) continue;  // what arrived meanwhile
      wakeup.wait(stop, polls || looked == Looked::failed ? options.poll_interval : std::chrono::hours(1), round);
    }
  }

  Looked look(Worker& worker, bool polls) {
    try {
      if (polls) measure_backlog(worker);
      const auto done = worker.cycle();
      if (done) {
        if (done->more) wakeup.poke();  // there is more than one worker's share
        return done->claimed > 0 ? Looked::found : Looked::nothing;
      }
      log.warn("detect.cycle_failed", {{"reason", done.error().text}});
    } catch (const std::exception& error) {  // a bug or no memory: the lease gives the runs back
      log.error("detect.worker_failed", {{"reason", error.what()}});
    } catch (...) {
      log.error("detect.worker_failed", {{"reason", "unknown exception"}});
    }
    counters.failed_cycles.add();
    return Looked::failed;
  }

  // Counting costs the database something, so it is done once per poll interval however much there is to do.
  void measure_backlog(Worker& worker) {
    const auto now = clock.steady();
    if (measured && now - *measured < options.poll_interval) return;
    measured = now;
    worker.measure_backlog();
  }

  const Options options;
  std::atomic<std::chrono::milliseconds> stall_timeout;
  store::Database& db;
  telemetry::Logger& log;
  const Clock& clock;
  WorkerMetrics counters;
  Wakeup wakeup;
  std::optional<std::chrono::steady_clock::time_point> measured;  // the first worker's
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::jthread> threads;
  std::unique_ptr<store::Notifications> notifications;
};

Role::Role(Options options, store::Database& db, const plugin::Live& live, telemetry::Logger& log,
           telemetry::Metrics& metrics, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), db, live, log, metrics, clock)) {}

void Role::set_stall_timeout(std::chrono::milliseconds timeout) {
  impl_->stall_timeout = timeout;
  impl_->wakeup.poke();
}

void Role::take_over() { impl_->wakeup.poke_all(); }

Role::~Role() = default;

}  // namespace dunetrace::detect
