#include "ingest/writer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "ingest/guarded.hpp"

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

}  // namespace

Writer::Writer(WriterOptions options, spool::Queue& queue, store::Database& db, telemetry::Logger& log,
               telemetry::Metrics& metrics)
    : options_(std::move(options)),
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
  maintenance_ = steady_clock::now();
  auto outcome = Outcome::done;
  while (outcome == Outcome::done && !stop.stop_requested()) {
    if (guarded(log_, "ingest.writer_failed", [&] { outcome = next_group(stop); })) continue;
    failures_.add();
    wait(options_.first_retry, stop);
  }
}

Writer::Outcome Writer::next_group(const std::stop_token& stop) {
  if (steady_clock::now() >= maintenance_) {
    maintenance_ = steady_clock::now() + kMaintenanceRetry;
    if (maintain()) maintenance_ = steady_clock::now() + kMaintenance;
  }
  const auto group = queue_.read(options_.group_events, stop, maintenance_);
  if (group.batches.empty()) return queue_.closed() ? Outcome::stopped : Outcome::done;
  std::vector<store::BatchSlice> slices;
  for (const auto& batch : group.batches) slices.push_back({batch.get(), 0, batch->events.size()});
  const auto outcome = write(slices, stop);
  if (outcome == Outcome::done) queue_.acknowledge(group.end);
  return outcome;
}

// A failure costs nothing yet: there are partitions for days, and one for everything else.
bool Writer::maintain() {
  const auto made = store::ensure_event_partitions(db_, kPartitionDaysAhead);
  if (!made) log_.warn("ingest.partitions_not_made", {{"reason", made.error().text}});
  const auto forgotten = store::forget_old_writers(db_);
  if (!forgotten) log_.warn("ingest.old_writers_not_forgotten", {{"reason", forgotten.error().text}});
  return made && forgotten;
}

Writer::Outcome Writer::write(Slices slices, const std::stop_token& stop) noexcept {
  const auto events = count_events(slices);
  const auto position = settled_ + static_cast<std::int64_t>(events);
  for (auto pause = options_.first_retry;; pause = std::min(pause * 2, options_.longest_retry)) {
    const auto begin = steady_clock::now();
    const auto written = attempt(slices, position);
    seconds_.observe(std::chrono::duration<double>(steady_clock::now() - begin).count());
    if (written) {
      written_.add(events);
      settled_ = position;
      return Outcome::done;
    }
    failures_.add();
    const auto& error = written.error();
    if (error.code == Code::invalid_argument) {
      if (events > 1) return write_halves(slices, stop);
      put_aside(slices.front(), error);
      settled_ = position;
      return Outcome::done;
    }
    guarded(log_, "ingest.log_failed", [&] {
      log_.warn("ingest.write_failed", {{"reason", error.text}, {"events", events}, {"retry_ms", pause.count()}});
    });
    wait(pause, stop);
    if (stop.stop_requested()) return Outcome::stopped;
  }
}

// Two parts of about equal size, in order; a batch is cut when it is the only one.
Writer::Outcome Writer::write_halves(Slices slices, const std::stop_token& stop) noexcept {
  const auto middle = slices.size() / 2;
  if (middle > 0) {
    const auto outcome = write(slices.first(middle), stop);
    return outcome == Outcome::done ? write(slices.subspan(middle), stop) : outcome;
  }
  const auto& only = slices.front();
  const auto cut = only.from + (only.to - only.from) / 2;
  const store::BatchSlice first{only.batch, only.from, cut}, second{only.batch, cut, only.to};
  const auto outcome = write({&first, 1}, stop);
  return outcome == Outcome::done ? write({&second, 1}, stop) : outcome;
}

// An exception leaves in doubt what became of the group, as the loss of a connection does.
Result<> Writer::attempt(Slices slices, std::int64_t position) noexcept {
  Result<> written = fail(Code::unavailable, "it threw");  // so short that it takes no memory
  guarded(log_, "ingest.writer_failed", [&] { written = options_.write(db_, slices, {id_, position}); });
  return written;
}

void Writer::put_aside(const store::BatchSlice& slice, const Error& error) {
  put_aside_.add();
  const auto& event = slice.batch->events[slice.from];
  guarded(log_, "ingest.log_failed", [&] {
    log_.error("ingest.event_put_aside", {{"reason", error.text},
                                          {"batch_id", slice.batch->batch_id},
                                          {"customer_id", slice.batch->customer_id},
                                          {"run_id", event.run_id},
                                          {"index", slice.from}});
  });
}

void Writer::wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace dunetrace::ingest
