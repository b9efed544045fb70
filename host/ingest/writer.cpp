#include "ingest/writer.hpp"

#include <algorithm>

#include "store/dead_letters.hpp"

namespace dunetrace::ingest {

namespace {

using std::chrono::steady_clock;

constexpr int kPartitionDaysAhead = 7;
constexpr auto kMaintenance = std::chrono::hours(6);  // partitions are made a week ahead; a failure has time to be seen
constexpr auto kMaintenanceRetry = std::chrono::seconds(30);

std::size_t count_events(std::span<const store::BatchSlice> slices) {
  std::size_t events = 0;
  for (const auto& slice : slices) events += slice.to - slice.from;
  return events;
}

// Two parts of about equal size, in order; a batch is cut when it is the only one.
std::pair<std::vector<store::BatchSlice>, std::vector<store::BatchSlice>> halves(
    const std::vector<store::BatchSlice>& slices) {
  const auto middle = static_cast<std::ptrdiff_t>(slices.size() / 2);
  if (middle > 0) return {{slices.begin(), slices.begin() + middle}, {slices.begin() + middle, slices.end()}};
  const auto& only = slices.front();
  const auto cut = only.from + (only.to - only.from) / 2;
  return {{{only.batch, only.from, cut, only.position}}, {{only.batch, cut, only.to, only.position}}};
}

// What lies behind `position`.
std::vector<store::BatchSlice> behind(std::vector<store::BatchSlice> slices, std::uint64_t position) {
  std::erase_if(slices, [&](const auto& slice) { return slice.end() <= position; });
  if (!slices.empty() && slices.front().begin() < position) {
    slices.front().from = static_cast<std::size_t>(position - slices.front().position);
  }
  return slices;
}

}  // namespace

Writer::Writer(WriterOptions options, spool::Spool& spool, store::Database& db, telemetry::Logger& log,
               telemetry::Metrics& metrics)
    : options_(options),
      spool_(spool),
      ref_{spool.id(), spool.durable()},
      db_(db),
      log_(log),
      seconds_(metrics.histogram("dunetrace_ingest_write_duration_seconds", "Time of one transaction of the writer",
                                 telemetry::latency_buckets())),
      written_(metrics.counter("dunetrace_ingest_events_written_total", "Events stored in the database")),
      put_aside_(metrics.counter("dunetrace_ingest_events_put_aside_total",
                                 "Events the database refused for their content; they are in dead_letters")),
      lost_(
          metrics.counter("dunetrace_ingest_events_lost_total", "Accepted events that were not stored before the end")),
      failures_(metrics.counter("dunetrace_ingest_write_failures_total", "Transactions of the writer that failed")),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Writer::~Writer() {
  spool_.close();
  thread_ = std::jthread();  // stops and joins
  const auto left = spool_.events();
  if (left == 0) return;
  if (spool_.durable()) {
    log_.info("ingest.events_kept", {{"events", left}, {"reason", "they are in the spool for the next start"}});
    return;
  }
  lost_.add(left);
  log_.error("ingest.events_lost", {{"events", left}, {"reason", "the host ended while the database was away"}});
}

void Writer::run(const std::stop_token& stop) {
  auto maintenance = steady_clock::now();
  while (!stop.stop_requested()) {
    if (steady_clock::now() >= maintenance) {
      maintenance = steady_clock::now() + (maintain() ? steady_clock::duration(kMaintenance) : kMaintenanceRetry);
    }
    const auto group = spool_.read(options_.group_events, stop, maintenance);
    if (group.end == 0) {
      if (spool_.closed()) return;
      continue;
    }
    Slices slices;
    for (const auto& [position, batch] : group.entries) {
      slices.push_back({batch.get(), 0, batch->events.size(), position});
    }
    if (write(std::move(slices), stop) == Outcome::stopped) return;
    spool_.acknowledge(group.end);
  }
}

// A failure costs nothing yet: there are partitions for days, and one for everything else.
bool Writer::maintain() {
  auto done = store::ensure_event_partitions(db_, kPartitionDaysAhead);
  if (done) done = store::forget_memory_spools(db_);
  if (!done) log_.warn("ingest.maintenance_failed", {{"reason", done.error().text}});
  return done.has_value();
}

Writer::Outcome Writer::write(Slices slices, const std::stop_token& stop) {
  auto pause = options_.first_retry;
  while (!slices.empty()) {
    const auto begin = steady_clock::now();
    const auto reached = store::write_events(db_, ref_, slices);
    seconds_.observe(std::chrono::duration<double>(steady_clock::now() - begin).count());
    if (reached) {
      const auto before = count_events(slices);
      slices = behind(std::move(slices), *reached);
      written_.add(before - count_events(slices));
      continue;
    }
    if (reached.error().code != Code::invalid_argument) {
      if (failed(reached.error(), count_events(slices), pause, stop) == Outcome::stopped) return Outcome::stopped;
      continue;
    }
    failures_.add();
    if (count_events(slices) == 1) return put_aside(slices.front(), reached.error(), stop);
    auto [first, second] = halves(slices);
    if (write(std::move(first), stop) == Outcome::stopped) return Outcome::stopped;
    slices = std::move(second);
  }
  return Outcome::done;
}

Writer::Outcome Writer::failed(const Error& error, std::size_t events, std::chrono::milliseconds& pause,
                               const std::stop_token& stop) {
  failures_.add();
  log_.warn("ingest.write_failed", {{"reason", error.text}, {"events", events}, {"retry_ms", pause.count()}});
  wait(pause, stop);
  pause = std::min(pause * 2, options_.longest_retry);
  return stop.stop_requested() ? Outcome::stopped : Outcome::done;
}

Writer::Outcome Writer::put_aside(const store::BatchSlice& slice, const Error& error, const std::stop_token& stop) {
  const auto& event = slice.batch->events[slice.from];
  log_.error("ingest.event_put_aside", {{"reason", error.text},
                                        {"batch_id", slice.batch->batch_id},
                                        {"customer_id", slice.batch->customer_id},
                                        {"run_id", event.run_id},
                                        {"index", slice.from}});
  for (auto pause = options_.first_retry;;) {
    const auto kept = store::write_dead_letter(db_, ref_, slice, error.text);
    if (kept) {
      put_aside_.add();
      return Outcome::done;
    }
    if (kept.error().code == Code::invalid_argument) {  // not even its bytes; the line above is all that is left
      lost_.add();
      log_.error("ingest.events_lost", {{"events", 1}, {"reason", kept.error().text}});
      return Outcome::done;
    }
    if (failed(kept.error(), 1, pause, stop) == Outcome::stopped) return Outcome::stopped;
  }
}

void Writer::wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace dunetrace::ingest
