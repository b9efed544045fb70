// The partitions of `events`: made ahead, listed with what retention thinks of them, dropped. Thread-safe. Every time
// is the database's; days are UTC days. Statements that lock the whole table wait for that lock for kLockPatience only,
// because everybody else waits behind them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"

namespace dunetrace::store {

inline constexpr std::chrono::milliseconds kLockPatience{100};

struct EventPartition {
  enum class State : std::uint8_t {
    kept,      // not older than the limit
    due,       // older as a whole: may be dropped
    unjudged,  // older, but runs that wait for their judgement have events in it, and it is not twice as old
  };
  std::string name;
  std::string day;            // "2026-11-29", of its first moment
  double starts_at = 0;       // Unix seconds, as the next
  double ends_at = 0;         // not part of it
  std::int64_t rows = 0;      // about
  std::int64_t bytes = 0;     // with indexes
  std::int64_t unjudged = 0;  // runs, when the state is that
  bool has_events = false;
  State state = State::kept;
};

// From the oldest on, without the one for events that fit nowhere. `days` is the limit; 0: everything is kept.
[[nodiscard]] Result<std::vector<EventPartition>> list_event_partitions(Database& db, int days);

enum class Dropped : std::uint8_t { dropped, gone, busy };  // gone: another host was faster; busy: try again

// Drops a partition that is older than `days` as a whole, at least 1. `busy` when the table is in use for longer than
// `patience`, or another host is dropping just now.
[[nodiscard]] Result<Dropped> drop_event_partition(Database& db, const std::string& name, int days,
                                                   std::chrono::milliseconds patience = kLockPatience);

// Makes the partitions of `events` for the days to come.
[[nodiscard]] Result<> ensure_event_partitions(Database& db, int days_ahead);

// Whether tomorrow has no partition or events fell past all of them. Cheap.
[[nodiscard]] Result<bool> partitions_wanting(Database& db);

struct Placed {
  std::int64_t moved = 0;
  std::int64_t left = 0;  // of days with more than `most`, which would keep writers waiting too long
};
// Gives events that fell past all partitions a partition of their day.
[[nodiscard]] Result<Placed> place_stray_events(Database& db, std::int64_t most);

// Notes that a host with this limit looks at the clock. True: it is in doubt, so nothing is to be dropped. It is for a
// day after no host had looked for hours, and for as long as the limit after it went back, or was put right after that.
[[nodiscard]] Result<bool> note_retention_look(Database& db, int days);

struct RetentionLook {
  double seen_at = 0;
  int days = 0;
  std::optional<double> doubt_until;
};
// The last one; nothing when no host has looked yet.
[[nodiscard]] Result<std::optional<RetentionLook>> last_retention_look(Database& db);

}  // namespace dunetrace::store
