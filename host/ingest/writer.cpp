#include "ingest/writer.hpp"

#include <malloc.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "core/turns.hpp"
#include "ingest/guarded.hpp"
#include "store/dead_letters.hpp"
#include "store/retention.hpp"

namespace dunetrace::ingest {

namespace {

using std::chrono::steady_clock;

constexpr int kPartitionDaysAhead = 7;
constexpr auto kMaintenance = std::chrono::hours(6);  // partitions are made a week ahead; a failure has time to be seen
constexpr std::size_t kRush = 20'000;                 // events: some ten MB of memory
constexpr std::int64_t kMostCounted = 100'000;        // dead letters; so that counting never holds up events for long
constexpr std::size_t kRushBytes = 16 * 1024 * 1024;  // or few events that are large
constexpr int kSoundGroups = 8;                       // then a group that was made smaller grows again
constexpr auto kMaintenanceRetry = std::chrono::seconds(30);

std::size_t count_events(std::span<const store::BatchSlice> slices) {
  std::size_t events = 0;
  for (const auto& slice : slices) events += slice.to - slice.from;
  return events;
}

// What an exception leaves of a result: in doubt, as the loss of a connection does. So short that it takes no memory.
Result<std::uint64_t> in_doubt() { return fail(Code::unavailable, "it threw"); }

}  // namespace

Writer::Writer(WriterOptions options, spool::Spool& spool, store::Database& db, telemetry::Logger& log,
               telemetry::Metrics& metrics)
    : options_(std::move(options)),
      spool_(spool),
      id_(spool.id()),
      ref_{id_, spool.durable(), options_.began_at},
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
      dead_letters_(metrics.gauge("dunetrace_dead_letters_waiting",
                                  "Rows of dead_letters, counted every few seconds and up to 100000")),
      group_events_(options_.group_events),
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
  take_turns(kLongTurns);  // nobody waits for it; those who answer clients go first
  maintenance_ = count_due_ = steady_clock::now();
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
  if (steady_clock::now() >= count_due_ && !spool_.closed()) count_dead_letters();
  const bool rush = since_calm_ >= kRush || bytes_since_calm_ >= kRushBytes;
  auto deadline = std::min(maintenance_, count_due_);
  if (rush) deadline = std::min(deadline, steady_clock::now() + options_.calm);
  const auto group = spool_.read(group_events_, stop, deadline);
  if (group.end == 0) {
    if (rush && spool_.events() == 0) calm_down();
    return spool_.closed() ? Outcome::stopped : Outcome::done;
  }
  std::vector<store::BatchSlice> slices;
  for (const auto& [position, batch] : group.entries) {
    slices.push_back({batch.get(), 0, batch->events.size(), position});
    bytes_since_calm_ += batch->bytes;
  }
  const auto outcome = slices.empty() ? Outcome::done : write(slices, stop);
  if (outcome == Outcome::done) spool_.acknowledge(group.end);
  since_calm_ += count_events(slices);
  grow_group();
  return outcome;
}

// Not while the database is known to be away: events are to be tried then, and each try takes its time.
void Writer::count_dead_letters() {
  count_due_ = steady_clock::now() + options_.count_dead_letters;
  if (!db_.reachable()) return;
  if (const auto waiting = store::count_dead_letters(db_, kMostCounted))
    dead_letters_.set(static_cast<double>(*waiting));
}

// What many threads took and freed stays with the allocator, as they left it, until somebody asks for it.
void Writer::calm_down() {
  since_calm_ = bytes_since_calm_ = 0;
  ::malloc_trim(0);
}

void Writer::grow_group() {
  if (group_events_ == options_.group_events || ++sound_groups_ < kSoundGroups) return;
  group_events_ = std::min(group_events_ * 2, options_.group_events);
  sound_groups_ = 0;
}

void Writer::too_slow(const Error& error, std::size_t events) noexcept {
  group_events_ = std::max<std::size_t>({events / 2, options_.least_group, 1});
  sound_groups_ = 0;
  guarded(log_, "ingest.log_failed", [&] {
    log_.warn("ingest.write_too_slow", {{"reason", error.text}, {"events", events}, {"next_events", group_events_}});
  });
}

// A failure costs nothing yet: there are partitions for days, and one for everything else.
bool Writer::maintain() {
  const auto made = store::ensure_event_partitions(db_, kPartitionDaysAhead);
  if (!made) log_.warn("ingest.partitions_not_made", {{"reason", made.error().text}});
  const auto forgotten = store::forget_memory_spools(db_);
  if (!forgotten) log_.warn("ingest.old_spools_not_forgotten", {{"reason", forgotten.error().text}});
  return made && forgotten;
}

Writer::Outcome Writer::write(Slices slices, const std::stop_token& stop) noexcept {
  const auto events = count_events(slices);
  for (auto pause = options_.first_retry;;) {
    const auto begin = steady_clock::now();
    auto reached = in_doubt();
    guarded(log_, "ingest.writer_failed", [&] { reached = options_.write(db_, ref_, slices); });
    seconds_.observe(std::chrono::duration<double>(steady_clock::now() - begin).count());
    ref_.furthest = std::max(ref_.furthest, slices.back().end());
    if (reached) {
      if (*reached < slices.back().end()) return write_behind(slices, *reached, stop);
      written_.add(events);
      return Outcome::done;
    }
    if (reached.error().code == Code::conflict) return under_another_id(slices, reached.error(), stop);
    if (reached.error().code == Code::invalid_argument) {
      failures_.add();
      return events > 1 ? write_halves(slices, stop) : put_aside(slices.front(), reached.error(), stop);
    }
    if (reached.error().code == Code::timeout && events > options_.least_group && !stop.stop_requested()) {
      failures_.add();
      too_slow(reached.error(), events);
      return write_halves(slices, stop);
    }
    if (failed(reached.error(), events, pause, stop) == Outcome::stopped) return Outcome::stopped;
  }
}

// Another spool with this one's id came further, so its position says nothing about these events. What the other one
// writes is not known here: the events of this one are written under an id that nobody has.
Writer::Outcome Writer::under_another_id(Slices slices, const Error& error, const std::stop_token& stop) noexcept {
  guarded(log_, "ingest.writer_failed", [&] {
    auto fresh = new_uuid();
    log_.error("ingest.spool_is_a_copy",
               {{"spool_id", id_},
                {"new_id", fresh},
                {"reason", error.text},
                {"meaning", "another host writes under this id, or this spool is an old copy; see docs/operating.md"}});
    id_ = std::move(fresh);
    ref_.id = id_;
  });
  return write(slices, stop);
}

// An attempt before this one stored the slices up to `position`: the rest is left.
Writer::Outcome Writer::write_behind(Slices slices, std::uint64_t position, const std::stop_token& stop) noexcept {
  while (slices.front().end() <= position) slices = slices.subspan(1);
  auto cut = slices.front();
  cut.from = static_cast<std::size_t>(std::max(position, cut.begin()) - cut.position);
  const auto outcome = write({&cut, 1}, stop);
  if (outcome == Outcome::stopped || slices.size() == 1) return outcome;
  return write(slices.subspan(1), stop);
}

// Two parts of about equal size, in order; a batch is cut when it is the only one.
Writer::Outcome Writer::write_halves(Slices slices, const std::stop_token& stop) noexcept {
  const auto middle = slices.size() / 2;
  if (middle > 0) {
    const auto outcome = write(slices.first(middle), stop);
    return outcome == Outcome::done ? write(slices.subspan(middle), stop) : outcome;
  }
  auto first = slices.front(), second = slices.front();
  first.to = second.from = first.from + (first.to - first.from) / 2;
  const auto outcome = write({&first, 1}, stop);
  return outcome == Outcome::done ? write({&second, 1}, stop) : outcome;
}

Writer::Outcome Writer::put_aside(const store::BatchSlice& slice, const Error& error,
                                  const std::stop_token& stop) noexcept {
  const auto& event = slice.batch->events[slice.from];
  guarded(log_, "ingest.log_failed", [&] {
    log_.error("ingest.event_put_aside", {{"reason", error.text},
                                          {"batch_id", slice.batch->batch_id},
                                          {"customer_id", slice.batch->customer_id},
                                          {"run_id", event.run_id},
                                          {"index", slice.from}});
  });
  for (auto pause = options_.first_retry;;) {
    auto kept = in_doubt();
    guarded(log_, "ingest.writer_failed", [&] { kept = store::write_dead_letter(db_, ref_, slice, error.text); });
    if (kept) {
      put_aside_.add();
      return Outcome::done;
    }
    if (kept.error().code == Code::invalid_argument) {  // not even its bytes; the line above is all that is left
      lost_.add();
      guarded(log_, "ingest.log_failed", [&] {
        log_.error("ingest.events_lost", {{"events", 1}, {"reason", kept.error().text}});
      });
      return Outcome::done;
    }
    if (failed(kept.error(), 1, pause, stop) == Outcome::stopped) return Outcome::stopped;
  }
}

Writer::Outcome Writer::failed(const Error& error, std::size_t events, std::chrono::milliseconds& pause,
                               const std::stop_token& stop) noexcept {
  failures_.add();
  guarded(log_, "ingest.log_failed", [&] {
    log_.warn("ingest.write_failed", {{"reason", error.text}, {"events", events}, {"retry_ms", pause.count()}});
  });
  wait(pause, stop);
  pause = std::min(pause * 2, options_.longest_retry);
  return stop.stop_requested() ? Outcome::stopped : Outcome::done;
}

void Writer::wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace dunetrace::ingest
