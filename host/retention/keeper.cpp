#include "retention/keeper.hpp"

#include <exception>
#include <set>

#include "retention/drop.hpp"
#include "store/retention.hpp"

namespace dunetrace::retention {
namespace {

using State = store::EventPartition::State;
using std::chrono::steady_clock;

// Rows that writers may be kept waiting for, some seconds; what falls past the partitions within one look is less.
constexpr std::int64_t kMostStrays = 500'000;

}  // namespace

Keeper::Keeper(KeeperOptions options, store::Database& db, telemetry::Logger& log, telemetry::Metrics& metrics)
    : options_(options),
      db_(db),
      log_(log),
      dropped_(metrics.counter("dunetrace_retention_dropped_partitions_total",
                               "Partitions of events that this process dropped for their age")),
      failures_(metrics.counter("dunetrace_retention_failures_total",
                                "Passes of retention that failed or met a partition in use; they are repeated")),
      held_(metrics.gauge("dunetrace_retention_held_partitions",
                          "Partitions older than EVENT_RETENTION_DAYS that are kept, for the log says which reason")),
      oldest_(metrics.gauge("dunetrace_retention_oldest_partition_timestamp_seconds",
                            "Begin of the oldest partition that has events; 0 = none has")),
      strays_(metrics.gauge("dunetrace_retention_stray_events",
                            "Events without a partition of their day, which retention does not reach")),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Keeper::~Keeper() = default;

void Keeper::run(const std::stop_token& stop) {
  auto next = steady_clock::now();
  while (!stop.stop_requested()) {
    Result<> done;
    try {
      const bool due = steady_clock::now() >= next;
      done = make();
      const auto doubtful = store::note_retention_look(db_, options_.days);
      if (!doubtful && done) done = tl::unexpected<Error>(doubtful.error());
      if (due && doubtful) {
        const auto complete = pass(*doubtful, stop);
        if (!complete) done = tl::unexpected<Error>(complete.error());
        next = steady_clock::now() + (complete && *complete ? options_.pass : options_.retry);
      }
    } catch (const std::exception& error) {
      done = fail(Code::internal, error.what());
    }
    told(done);
    wait(stop);
  }
}

// Each reason once, until all is well again: the database may be away for long.
void Keeper::told(const Result<>& done) {
  if (done) {
    last_failure_.clear();
    return;
  }
  failures_.add();
  if (done.error().text != last_failure_) log_.warn("retention.failed", {{"reason", done.error().text}});
  last_failure_ = done.error().text;
}

Result<> Keeper::make() {
  DUNE_TRY(wanting, store::partitions_wanting(db_));
  if (!wanting) {
    strays_.set(0);
    return {};
  }
  // First, for a day that has strays gets no partition otherwise.
  DUNE_TRY(placed, store::place_stray_events(db_, kMostStrays));
  strays_.set(static_cast<double>(placed.left));
  if (placed.moved > 0) log_.warn("retention.strays_placed", {{"events", placed.moved}, {"left", placed.left}});
  return store::ensure_event_partitions(db_, options_.days_ahead);
}

Result<bool> Keeper::pass(bool doubtful, const std::stop_token& stop) {
  DUNE_TRY_VOID(store::ensure_event_partitions(db_, options_.days_ahead));
  DUNE_TRY(partitions, store::list_event_partitions(db_, options_.days));
  bool complete = true;
  if (!doubtful && options_.days > 0) {
    DUNE_TRY(dropped, drop(partitions, stop));
    complete = dropped;
  }
  look_over(partitions, doubtful);
  if (!complete) failures_.add();
  return complete;
}

// Takes what is gone out of `partitions`. False when one is in use.
Result<bool> Keeper::drop(Partitions& partitions, const std::stop_token& stop) {
  bool complete = true;
  std::set<std::string> gone;
  const DropOptions how{.days = options_.days, .patience = options_.patience, .stop = stop};
  DUNE_TRY_VOID(drop_due(db_, partitions, how, [&](const store::EventPartition& part, store::Dropped outcome) {
    if (outcome == store::Dropped::busy) {
      complete = false;
      log_.info("retention.partition_in_use", {{"partition", part.name}});
      return;
    }
    gone.insert(part.name);
    if (outcome == store::Dropped::gone) return;
    dropped_.add();
    log_.info("retention.dropped",
              {{"partition", part.name}, {"day", part.day}, {"rows", part.rows}, {"bytes", part.bytes}});
  }));
  std::erase_if(partitions, [&](const store::EventPartition& part) { return gone.contains(part.name); });
  return complete;
}

// What is left, for the gauges and the log.
void Keeper::look_over(const Partitions& partitions, bool doubtful) {
  std::int64_t held = 0;
  double oldest = 0;
  for (const auto& part : partitions) {
    if (oldest == 0 && part.has_events) oldest = part.starts_at;
    if (part.state == State::kept) continue;
    ++held;
    if (part.state == State::unjudged)
      log_.warn("retention.held", {{"partition", part.name},
                                   {"runs", part.unjudged},
                                   {"reason", "runs that are not judged yet have events in it"}});
  }
  if (doubtful && held > 0)
    log_.warn("retention.in_doubt", {{"partitions", held},
                                     {"reason",
                                      "the database's clock has jumped, or no host ran: nothing is dropped "
                                      "for a day"}});
  held_.set(static_cast<double>(held));
  oldest_.set(oldest);
}

void Keeper::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop, options_.look, [] { return false; });
}

}  // namespace dunetrace::retention
