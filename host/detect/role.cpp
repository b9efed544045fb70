#include "detect/role.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "core/turns.hpp"
#include "detect/inventory.hpp"
#include "detect/quarantine.hpp"
#include "detect/wakeup.hpp"
#include "detect/worker.hpp"
#include "plugin/isolation/call_record.hpp"
#include "store/notifications.hpp"

namespace dunetrace::detect {
namespace {

constexpr std::chrono::milliseconds kLook{1'000};  // how soon a reload shows; costs no question to the database

std::string host_name(const Options& options) {
  if (!options.host_name.empty()) return options.host_name;
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

// Like the workers' own.
plugin::RunnerOptions runner_of(const Options& options, telemetry::Logger& log) {
  auto runner = options.runner;
  if (runner.log == nullptr) runner.log = &log;
  return runner;
}

Options with_stop(Options options, const std::stop_source& stop) {
  options.runner.stop = stop.get_token();
  return options;
}

}  // namespace

struct Role::Impl {
  Impl(Options o, store::Database& database, const plugin::Live& live, telemetry::Logger& logger,
       telemetry::Metrics& metrics, const Clock& time)
      : options(with_stop(std::move(o), stopping)),
        stall_timeout(options.stall_timeout),
        db(database),
        log(logger),
        clock(time),
        counters(metrics),
        wakeup(options.workers),
        quarantine(host_name(options), db, live, log, metrics, clock),
        inventory(host_name(options), db, live, clock, runner_of(options, log)) {
    // Before the first run is judged: what was off before the start is off after it.
    auto read = exchange();
    take_leftovers();
    if (read && quarantine.unwritten() > 0) read = exchange();  // kept, should this process end as well
    if (!read) plugins_failed(read.error());
    for (int i = 0; i < options.workers; ++i) {
      workers.push_back(std::make_unique<Worker>(options, stall_timeout, db, live, log, counters, clock, &quarantine,
                                                 options.record));
    }
    for (int i = 0; i < options.workers; ++i) {
      threads.emplace_back(
          [this, i](std::stop_token stop) { loop(stop, *workers[static_cast<std::size_t>(i)], i == 0); });
    }
    notifications = std::make_unique<store::Notifications>(
        db.options(),
        std::vector<store::Notifications::Channel>{{"dunetrace_runs", [this] { wakeup.poke(); }},
                                                   {store::kPluginsChannel, [this] { quarantine.poke(); }}},
        log);
    books = std::jthread([this](const std::stop_token& stop) { keep_books(stop); });
  }

  void request_stop() {
    for (auto& thread : threads) thread.request_stop();
    stopping.request_stop();
  }

  ~Impl() {
    request_stop();
    notifications.reset();
    threads.clear();  // joins
    books = std::jthread();
    if (quarantine.unwritten() == 0) return;
    const auto last = exchange();  // the strikes of the last runs
    if (!last)
      log.warn("detect.strikes_unwritten", {{"strikes", quarantine.unwritten()}, {"reason", last.error().text}});
  }

  // Who took this host down the last time is off before he can do so again.
  void take_leftovers() {
    if (options.recorder_dir.empty()) return;
    leftovers = plugin::CallRecord::leftovers(options.recorder_dir);
    for (const auto& strike : leftovers.strikes) quarantine.strike(strike);
  }

  // What plugins did and what is in force goes to the database, what others decided comes from there. Nobody waits for
  // this thread.
  void keep_books(const std::stop_token& stop) {
    auto next = clock.steady() + options.poll_interval;
    const auto told = report();
    if (!told) plugins_failed(told.error());
    bool failed = !told;
    while (!stop.stop_requested()) {
      const bool asked = failed ? pause(stop) : quarantine.wait(stop, kLook);
      if (stop.stop_requested()) return;
      Result<> done;
      if (asked || clock.steady() >= next) {
        next = clock.steady() + options.poll_interval;
        done = exchange();
      }
      if (done) done = report();
      if (!done && !failed) plugins_failed(done.error());
      failed = !done;
    }
  }

  // Strikes that cannot be written would not let wait() wait.
  bool pause(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kLook, [] { return false; });
    return true;
  }

  Result<> exchange() {
    const std::lock_guard lock(exchange_mutex);
    auto done = guarded([this]() -> Result<> {
      DUNE_TRY_VOID(quarantine.cycle());
      if (quarantine.unwritten() == 0) leftovers.forget();  // they are in the database
      return {};
    });
    if (done)
      was_away = false;
    else if (done.error().code == Code::unavailable)
      was_away = true;
    return done;
  }
  Result<> report() {
    return guarded([this] { return inventory.report(); });
  }
  template <class F>
  static Result<> guarded(F work) {
    try {
      return work();
    } catch (const std::exception& error) {
      return fail(Code::internal, error.what());
    }
  }

  void plugins_failed(const Error& error) {
    log.warn("detect.plugin_states_unwritten", {{"reason", error.text}, {"strikes", quarantine.unwritten()}});
  }

  enum class Looked : std::uint8_t { nothing, found, failed };

  // The first worker also looks when nobody called: that finds stalled runs, whatever a lost notification hid, and what
  // a worker held that died, of which nobody is told.
  void loop(std::stop_token stop, Worker& worker, bool polls) {
    take_turns(kLongTurns);  // of work without end at times; who answers clients goes first
    std::uint64_t round = 0;
    const auto pause = polls ? std::min(options.poll_interval, options.lease / 3) : options.poll_interval;
    while (!stop.stop_requested()) {
      const auto looked = look(worker, polls);
      if (looked == Looked::found) continue;  // what arrived meanwhile
      const bool looks_again = polls || looked == Looked::failed;
      while (!wakeup.wait(stop, pause, round) && !stop.stop_requested()) {
        sweep(worker);
        if (looks_again) break;
      }
    }
  }

  void sweep(Worker& worker) {
    try {
      worker.sweep();
    } catch (const std::exception& error) {  // no memory: the next time
      log.error("detect.worker_failed", {{"reason", error.what()}});
    }
  }

  Looked look(Worker& worker, bool polls) {
    try {
      // Others may have put somebody in quarantine meanwhile: nothing is judged before that is known.
      if (was_away) {
        const auto read = exchange();
        if (!read && read.error().code == Code::unavailable) return Looked::failed;
      }
      if (polls) measure_backlog(worker);
      const auto done = worker.cycle();
      if (done) {
        if (done->more) wakeup.poke();  // there is more than one worker's share
        return done->claimed > 0 ? Looked::found : Looked::nothing;
      }
      log.warn("detect.cycle_failed", {{"reason", done.error().text}});
      if (done.error().code == Code::unavailable) was_away = true;
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

  const std::stop_source stopping;  // before the options, which hold its token
  const Options options;
  std::atomic<std::chrono::milliseconds> stall_timeout;
  store::Database& db;
  telemetry::Logger& log;
  const Clock& clock;
  WorkerMetrics counters;
  Wakeup wakeup;
  std::optional<std::chrono::steady_clock::time_point> measured;  // the first worker's
  std::mutex exchange_mutex;           // the books' thread, and the first worker after an outage
  std::atomic<bool> was_away = false;  // the database, since quarantines were read last
  Quarantine quarantine;
  Inventory inventory;
  plugin::CallRecord::Leftovers leftovers;  // of hosts before this one, until their strikes are stored
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::jthread> threads;
  std::unique_ptr<store::Notifications> notifications;
  std::jthread books;
};

Role::Role(Options options, store::Database& db, const plugin::Live& live, telemetry::Logger& log,
           telemetry::Metrics& metrics, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), db, live, log, metrics, clock)) {}

void Role::set_stall_timeout(std::chrono::milliseconds timeout) {
  impl_->stall_timeout = timeout;
  impl_->wakeup.poke();
}

void Role::request_stop() { impl_->request_stop(); }

void Role::take_over() { impl_->wakeup.poke_all(); }

plugin::Conduct& Role::conduct() { return impl_->quarantine; }

Role::~Role() = default;

}  // namespace dunetrace::detect
