// The queue of accepted batches between the ingest port and its writer: append (then the batch is promised), read from
// the oldest that is not acknowledged, acknowledge. In memory (queue.hpp) or on disk (disk_spool.hpp).
//   spool.append(std::move(batch), [=](Append how) { respond(how == Append::accepted ? 202 : 503); });
//   auto group = spool.read(5000, stop, deadline); …write…; spool.acknowledge(group.end);
// Any number of threads append; one thread reads and acknowledges.
//
// What the disk spool is made of:
//   disk_spool.hpp    the commit thread: what arrives during one commit goes into the next
//   backlog.hpp       what is committed and not acknowledged, and which of it is in memory
//   spool_file.hpp    the SQLite file: its tables, and reading them (record.hpp: a batch as bytes)
//   checkpointer.hpp  carries SQLite's log over into the file beside the commits
//   room.hpp          room on the disk, and giving some back
//   mend.hpp          what becomes of a damaged file at the start (inspect.cpp finds the damage)
//   log_check.hpp     whether SQLite's log lost something
//   sound_rows.hpp    reads as many rows as a damaged file still has
//   sqlite.hpp        connections and statements of SQLite
//   file_lock.hpp     one process per spool
// In memory there is queue.hpp alone.
//
// The numbers. Every event has a position; `next` is the one that the next event gets. `acknowledged` is the position
// before which everything is in the database, by the word of the reader; rows before it are removed. The database keeps
// such a number, too, by the id of the spool (spool_positions.position), changed in the transaction that stores the
// events: what lies before it is not stored again, so no position may ever be given twice under one id. A file that
// lost its end does not know what it gave away. Therefore each start goes on at the next multiple of 2^32, and a
// damaged file leaps by 2^40 more; the start's `next` is also kept beside the file (ingest.id), for the file that lost
// all. A position in the database that is beyond what the writer tried and beyond the `next` of the start was not
// written by this spool: somebody copied it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/batch.hpp"

namespace dunetrace::spool {

using BatchPtr = std::shared_ptr<const AcceptedBatch>;  // shared: the spool and its reader, who may drop it first

enum class Append : std::uint8_t {
  accepted,
  full,    // no room now, in the spool or on the disk
  closed,  // the host is ending
  failed   // the disk did not take it; the log says why
};

// Events are counted from the beginning of a spool. The count is the position: it grows through restarts, and may leap.
struct Entry {
  std::uint64_t position = 0;  // of the batch's first event
  BatchPtr batch;
};

struct ReadGroup {
  std::vector<Entry> entries;  // in the order of their arrival; empty when there is nothing
  std::uint64_t end = 0;       // what to acknowledge once they are written
};

// What was answered to the request with this key.
struct FirstAnswer {
  std::string key;  // AcceptedBatch::idempotency_key
  std::string batch_id;
  std::uint64_t events = 0;
  double at = 0;                   // Unix seconds
  std::uint64_t request_hash = 0;  // AcceptedBatch::request_hash
};
// How long and how many answers are kept, in memory and in the file. The time begins anew with every start of the host:
// what the clock says of the time before is nothing to rely on, and a batch that is taken twice is worse than a key
// that is known for longer.
inline constexpr std::chrono::hours kAnswersKept{24};
inline constexpr std::size_t kMostAnswers = 200'000;  // some 50 MB at worst

class Spool {
 public:
  // Called exactly once per append, on the appending thread or on one of the spool's; must be quick and never throw.
  using Done = std::function<void(Append)>;

  Spool() = default;
  virtual ~Spool() = default;
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // A batch goes in whole or not at all; an empty spool takes any batch, however large.
  virtual void append(AcceptedBatch batch, Done done) = 0;

  // The oldest batches that are not acknowledged, up to `max_events` (at least one batch). Waits for one until
  // `deadline`, until the spool is closed or `stop` is requested; then it may be empty.
  [[nodiscard]] virtual ReadGroup read(std::size_t max_events, std::stop_token stop,
                                       std::chrono::steady_clock::time_point deadline) = 0;

  // Those kept from before this spool was opened, oldest first.
  [[nodiscard]] virtual std::vector<FirstAnswer> take_kept_answers() { return {}; }

  // Everything before `end` is in the database. Frees its room.
  virtual void acknowledge(std::uint64_t end) = 0;

  // Refuses newcomers; what is inside can still be read.
  virtual void close() = 0;
  [[nodiscard]] virtual bool closed() const = 0;

  // Closed and everything acknowledged; waits for it at most `limit`.
  [[nodiscard]] virtual bool wait_drained(std::chrono::milliseconds limit) = 0;

  // Closes, answers every append that still waits, and lets go of threads and files. May be called again. Afterwards
  // nothing can be read.
  virtual void finish() = 0;

  // Whether a batch of usual size would be refused for want of room.
  [[nodiscard]] virtual bool full() const = 0;
  [[nodiscard]] virtual std::size_t events() const = 0;  // promised and not acknowledged
  [[nodiscard]] virtual std::size_t bytes() const = 0;   // they take
  // Those of them that only memory holds: the ones that wait for the disk, or all where there is none.
  [[nodiscard]] virtual std::size_t events_in_memory() const = 0;
  // When the oldest of them was promised, in Unix seconds; nothing when there is none.
  [[nodiscard]] virtual std::optional<double> oldest_accepted_at() const = 0;

  // Whether what is inside outlives the process; and the id under which the database keeps this spool's position.
  [[nodiscard]] virtual bool durable() const = 0;
  [[nodiscard]] virtual const std::string& id() const = 0;
};

}  // namespace dunetrace::spool
