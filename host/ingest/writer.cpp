#include "ingest/writer.hpp"

#include <algorithm>
#include <charconv>

#include "core/ids.hpp"

namespace dunetrace::ingest {

namespace {

using std::chrono::steady_clock;

constexpr int kPartitionDaysAhead = 7;
constexpr auto kMaintenance = std::chrono::hours(6);  // partitions are made a week ahead; a failure has time to be seen
constexpr auto kMaintenanceRetry = std::chrono::seconds(30);

std::int64_t new_writer_id() {
  const auto hex = random_hex(7);  // 56 bits, always positive
  std::int64_t id = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), id, 16);
  return id;
}

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
  return {{{only.batch, only.from, cut}}, {{only.batch, cut, only.to}}};
}

}  // namespace

Writer::Writer(WriterOptions options, spool::Queue& queue, store::Database& db, telemetry::Logger& log,
               telemetry::Metrics& metrics)
    : options_(options),
      id_(new_writer_id()),
      queue_(queue),
      db_(db),
      log_(log),
      seconds_(metrics.histogram("dunetrace_ingest_write_duration_seconds", "Time of one transaction of the writer",
                                 telemetry::latency_buckets())),
      written_(metrics.counter("dunetrace_ingest_events_written_total", "Events stored in the database")),
      put_aside_(
          metrics.counter("dunetrace_ingest_events_put_aside_total", "Events the database refused for their content")),
      lost_(
          metrics.counter("dunetrace_ingest_events_lost_total", "Accepted events that were not stored before the end")),
      failures_(metrics.counter("dunetrace_ingest_write_failures_total", "Transactions of the writer that failed")),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Writer::~Writer() {
  queue_.close();
  thread_ = std::jthread();  // stops and joins
  if (const auto left = queue_.events(); left > 0) {
    lost_.add(left);
    log_.error("ingest.events_lost", {{"events", left}, {"reason", "the host ended while the database was away"}});
  }
}

void Writer::run(const std::stop_token& stop) {
  auto maintenance = steady_clock::now();
  while (!stop.stop_requested()) {
    if (steady_clock::now() >= maintenance) {
      maintenance = steady_clock::now() + (maintain() ? steady_clock::duration(kMaintenance) : kMaintenanceRetry);
    }
    const auto group = queue_.read(options_.group_events, stop, maintenance);
    if (group.batches.empty()) {
      if (queue_.closed()) return;
      continue;
    }
    Slices slices;
    for (const auto& batch : group.batches) slices.push_back({batch.get(), 0, batch->events.size()});
    if (write(slices, stop) == Outcome::stopped) return;
    queue_.acknowledge(group.end);
  }
}

// A failure costs nothing yet: there are partitions for days, and one for everything else.
bool Writer::maintain() {
  const auto made = store::ensure_event_partitions(db_, kPartitionDaysAhead);
  if (!made) log_.warn("ingest.partitions_not_made", {{"reason", made.error().text}});
  return made.has_value();
}

Writer::Outcome Writer::write(const Slices& slices, const std::stop_token& stop) {
  store::WriteOptions how{id_, false};
  for (auto pause = options_.first_retry;; pause = std::min(pause * 2, options_.longest_retry)) {
    const auto begin = steady_clock::now();
    const auto written = store::write_events(db_, slices, how);
    seconds_.observe(std::chrono::duration<double>(steady_clock::now() - begin).count());
    if (written) {
      written_.add(count_events(slices));
      return Outcome::done;
    }
    failures_.add();
    const auto& error = written.error();
    if (error.code == Code::invalid_argument) {
      if (count_events(slices) == 1) {
        put_aside(slices.front(), error);
        return Outcome::done;
      }
      const auto [first, second] = halves(slices);
      const auto outcome = write(first, stop);
      return outcome == Outcome::done ? write(second, stop) : outcome;
    }
    how.tried_before = true;
    log_.warn("ingest.write_failed",
              {{"reason", error.text}, {"events", count_events(slices)}, {"retry_ms", pause.count()}});
    wait(pause, stop);
    if (stop.stop_requested()) return Outcome::stopped;
  }
}

void Writer::put_aside(const store::BatchSlice& slice, const Error& error) {
  put_aside_.add();
  const auto& event = slice.batch->events[slice.from];
  log_.error("ingest.event_put_aside", {{"reason", error.text},
                                        {"batch_id", slice.batch->batch_id},
                                        {"customer_id", slice.batch->customer_id},
                                        {"run_id", event.run_id},
                                        {"index", slice.from}});
}

void Writer::wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace dunetrace::ingest
