// Drains the spool into PostgreSQL, in the order of arrival, many batches per transaction. One thread of its own. The
// transaction carries the position of the spool, so a group is stored once however often it is tried. While the
// database is away the writer waits and tries the same group again, for as long as it takes; an event that the database
// will never take goes into dead_letters, is logged and counted, and the rest goes on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "core/clock.hpp"
#include "spool/spool.hpp"
#include "store/ingest_rows.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::ingest {

struct WriterOptions {
  // Per transaction. COPY's rate is flat from a thousand rows on, but the upsert of the runs and the commit are paid
  // per group: 15,000 stored 6 % more per second than 5,000 (bench/load/measure.py). A tenth of a second at full rate.
  std::size_t group_events = 15'000;
  // A transaction that takes the database too long is cut in halves, while it has more events than this.
  std::size_t least_group = 500;
  // Positions before it may have been written by processes before this one; everything beyond it that the database
  // knows and this writer did not try was written by somebody else, under the id of this spool.
  std::uint64_t began_at = ~std::uint64_t{0};
  std::chrono::milliseconds first_retry{50};
  std::chrono::milliseconds longest_retry{2'000};
  // So long after the last event, the memory of the rush goes back to the system.
  std::chrono::milliseconds calm{1'000};
  // How often it looks how many dead letters wait; where the database is away, the last count stands.
  std::chrono::milliseconds count_dead_letters{5'000};
  // What stores a group; tests put something in between.
  std::function<Result<std::uint64_t>(store::Database&, const store::SpoolRef&, std::span<const store::BatchSlice>)>
      write = store::write_events;
};

class Writer {
 public:
  Writer(WriterOptions options, spool::Spool& spool, store::Database& db, telemetry::Logger& log,
         telemetry::Metrics& metrics);
  // Ends after the transaction in progress. What is in the spool by then stays there when it is durable; otherwise it
  // is counted as lost and logged.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  using Slices = std::span<const store::BatchSlice>;
  enum class Outcome : std::uint8_t { done, stopped };

  void run(const std::stop_token& stop);
  [[nodiscard]] Outcome next_group(const std::stop_token& stop);
  [[nodiscard]] bool maintain();
  void count_dead_letters();
  void calm_down();
  void grow_group();
  void too_slow(const Error& error, std::size_t events) noexcept;
  [[nodiscard]] Outcome under_another_id(Slices slices, const Error& error, const std::stop_token& stop) noexcept;
  // A group goes to write(). From there, by what the database says:
  //   stored → done;  stored in part by an attempt whose answer was lost → write_behind() the rest
  //   away, slow, full → failed(): wait, try the same again
  //   too slow → write_halves(), and smaller groups for a while
  //   stored beyond what this spool gave out → under_another_id(), again
  //   a value is at fault → write_halves(), each half by write(), until one event is left → put_aside()
  // These let no exception out: a group is begun again only from its begin, and parts of it may be written.
  [[nodiscard]] Outcome write(Slices slices, const std::stop_token& stop) noexcept;
  [[nodiscard]] Outcome write_behind(Slices slices, std::uint64_t position, const std::stop_token& stop) noexcept;
  [[nodiscard]] Outcome write_halves(Slices slices, const std::stop_token& stop) noexcept;
  [[nodiscard]] Outcome put_aside(const store::BatchSlice& slice, const Error& error,
                                  const std::stop_token& stop) noexcept;
  // Waits before the next attempt, longer each time.
  [[nodiscard]] Outcome failed(const Error& error, std::size_t events, std::chrono::milliseconds& pause,
                               const std::stop_token& stop) noexcept;
  void wait(std::chrono::milliseconds time, const std::stop_token& stop);

  const WriterOptions options_;
  spool::Spool& spool_;
  std::string id_;       // under which the database keeps the position
  store::SpoolRef ref_;  // with that id
  store::Database& db_;
  telemetry::Logger& log_;
  telemetry::Histogram& seconds_;
  telemetry::Counter& written_;
  telemetry::Counter& put_aside_;
  telemetry::Counter& lost_;
  telemetry::Counter& failures_;
  telemetry::Gauge& dead_letters_;
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::chrono::steady_clock::time_point maintenance_;  // of the thread alone, as the next ones
  std::chrono::steady_clock::time_point count_due_;
  std::size_t since_calm_ = 0, bytes_since_calm_ = 0;  // events written, and what their batches took
  std::size_t group_events_;                           // at present
  int sound_groups_ = 0;                               // since it was changed
  std::jthread thread_;                                // last: it uses everything above
};

}  // namespace dunetrace::ingest
