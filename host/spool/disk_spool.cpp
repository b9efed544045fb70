#include "spool/disk_spool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "core/private_files.hpp"
#include "core/turns.hpp"
#include "spool/backlog.hpp"
#include "spool/checkpointer.hpp"
#include "spool/file_lock.hpp"
#include "spool/mend.hpp"
#include "spool/record.hpp"
#include "spool/room.hpp"

namespace dunetrace::spool {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::uint64_t kRowOverhead = 64;                     // bytes of the file beside a record, roughly
constexpr std::uint64_t kRemoveBytes = 2 * 1024 * 1024;        // acknowledged rows are removed when they are that many
constexpr auto kRemoveAfter = std::chrono::milliseconds(300);  // or that old
constexpr auto kReadRetry = std::chrono::milliseconds(500);

struct Waiting {
  BatchPtr batch;
  std::string record;
  double accepted_at = 0;
  Spool::Done done;
};

// What an older version, or somebody else, made readable for others: the file, those beside it, and those set aside.
void close_to_others(const fs::path& file, telemetry::Logger& log) {
  const auto tighten = [&log](const fs::path& path) {
    if (!make_private(path)) log.warn("spool.open_to_others", {{"file", path.string()}});
  };
  tighten(file.parent_path());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(file.parent_path(), error)) {
    const bool ours = entry.path().filename().string().starts_with(file.stem().string() + ".");
    std::error_code gone;
    if (ours && entry.symlink_status(gone).type() == fs::file_type::regular) tighten(entry.path());
  }
}

}  // namespace

struct DiskSpool::Impl {
  Impl(DiskSpoolOptions o, const Clock& c, telemetry::Logger& l, FileLock lock_file, Opened opened, SpoolFile read_file,
       SpoolFile carry_file, std::vector<FirstAnswer> answers)
      : options(std::move(o)),
        clock(c),
        log(l),
        id(opened.content.id),
        lock(std::move(lock_file)),
        writing(std::move(opened.file)),
        reading(std::move(read_file)),
        checkpointer(std::make_unique<Checkpointer>(std::move(carry_file), l)),
        kept_answers(std::move(answers)),
        next(opened.content.next),
        backlog(std::move(opened.content.rows), options.window_bytes) {
    for (const auto& answer : kept_answers) first_answers.push_back({answer.at, clock.steady()});
    writing->count_log_pages();
    thread = std::jthread([this] { run(); });
  }

  // Of the waiting ones and of the file together. What lies in SQLite's log needs its room a second time, in the file:
  // a disk that is full before that leaves no way to get anything off it again.
  [[nodiscard]] bool has_room(std::uint64_t bytes, std::uint64_t free) const {
    if (!waiting.empty() &&
        (waiting_events >= options.waiting_events || waiting_bytes + bytes > options.waiting_bytes)) {
      return false;
    }
    const auto used = backlog.bytes() + waiting_bytes;
    const bool on_disk = free + reusable >= 2 * (waiting_bytes + bytes) + log_bytes;
    return on_disk && (used == 0 || used + bytes <= options.max_bytes);
  }

  Append put(Waiting& one) {
    const auto free = options.free_bytes();
    const std::lock_guard guard(mutex);
    if (closed) return Append::closed;
    const auto bytes = one.record.size() + kRowOverhead;
    if (!has_room(bytes, free)) {
      if (log_bytes >= kSmallLog) {
        wants_room = true;
        work.notify_one();
      }
      return Append::full;
    }
    waiting_events += one.batch->events.size();
    waiting_bytes += bytes;
    waiting.push_back(std::move(one));
    work.notify_one();
    return Append::accepted;  // to be answered by the commit
  }

  // What one transaction does.
  struct Turn {
    std::vector<Waiting> batches;
    std::uint64_t first = 0;                 // position of the first event
    std::optional<std::uint64_t> remove_to;  // acknowledged rows go, too
    std::uint64_t removing = 0;              // bytes
    bool shrink = false, for_room = false;
    [[nodiscard]] bool empty() const { return batches.empty() && !remove_to; }
  };

  void run() {
    take_turns(kShortTurns);  // it waits for the disk nearly always, and clients wait for it
    std::unique_lock guard(mutex);
    while (true) {
      const auto something = [this] { return !waiting.empty() || closing || many_removable() || wants_room; };
      work.wait(guard, [&] { return something() || removable > 0 || may_shrink; });
      work.wait_until(guard, last_removal + kRemoveAfter, something);
      auto turn = next_turn();
      if (turn.empty() && closing) return;
      guard.unlock();
      const auto done = write(turn);
      const auto room = make_room(*writing, options.free_bytes(), !done || turn.for_room);
      guard.lock();
      log_bytes = room.log;
      reusable = room.reusable;
      settle(turn, done);
      guard.unlock();
      const auto refusal = done || done.error().code != Code::unavailable ? Append::failed : Append::full;
      for (auto& one : turn.batches) one.done(done ? Append::accepted : refusal);
      turn = {};
      checkpointer->committed(*writing);
      guard.lock();
    }
  }

  // Where they cannot be removed, it is tried again after a while: the disk may have ended for good.
  [[nodiscard]] bool many_removable() const { return removable >= kRemoveBytes && !failing; }

  Turn next_turn() {
    Turn turn;
    turn.batches = std::exchange(waiting, {});
    turn.first = next;
    turn.for_room = std::exchange(wants_room, false);
    if (turn.batches.empty() && removable == 0) turn.shrink = std::exchange(may_shrink, false);
    const bool due = many_removable() || closing || steady_clock::now() >= last_removal + kRemoveAfter;
    if (removable == 0 || !due) return turn;
    turn.remove_to = acknowledged;
    turn.removing = removable;
    return turn;
  }

  // Without the lock: everybody else goes on meanwhile.
  Result<> write(Turn& turn) {
    if (turn.shrink) shrink_if_large(*writing, options.free_bytes, log);
    if (turn.empty()) return {};
    return writing->transaction([&]() -> Result<> {
      auto at = turn.first;
      for (const auto& one : turn.batches) {
        DUNE_TRY_VOID(writing->insert(row_of(one, at), one.record));
        if (const auto& key = one.batch->idempotency_key; !key.empty()) {
          DUNE_TRY_VOID(writing->insert(
              {key, one.batch->batch_id, one.batch->events.size(), one.accepted_at, one.batch->request_hash}));
          first_answers.push_back({one.accepted_at, clock.steady()});
        }
        at += one.batch->events.size();
      }
      if (!turn.remove_to) return {};
      DUNE_TRY(stop, removal.stop(*writing, *turn.remove_to, turn.removing, options.free_bytes()));
      if (stop) {
        turn.remove_to = *stop;
        turn.removing = 0;  // it is not done with this
      }
      DUNE_TRY_VOID(forget_answers());
      return writing->remove_before(*turn.remove_to, at);
    });
  }

  // Neither days nor a flood of keys make the file grow without end. Should the transaction fail, a few stay until the
  // next start.
  Result<> forget_answers() {
    const auto until = clock.steady() - kAnswersKept;
    while (!first_answers.empty() &&
           (first_answers.size() > options.most_answers || first_answers.front().since <= until)) {
      DUNE_TRY_VOID(writing->forget_answers_of(first_answers.front().at));
      first_answers.pop_front();
    }
    return {};
  }

  static Row row_of(const Waiting& one, std::uint64_t position) {
    return {position, one.record.size() + kRowOverhead, one.accepted_at,
            static_cast<std::uint32_t>(one.batch->events.size())};
  }

  void settle(const Turn& turn, const Result<>& done) {
    for (const auto& one : turn.batches) {
      waiting_events -= one.batch->events.size();
      waiting_bytes -= one.record.size() + kRowOverhead;
    }
    if (turn.remove_to) {
      last_removal = steady_clock::now();
      removal.tried(done.has_value());
    }
    if (!done) {
      if (std::exchange(failing, true) == false)  // once: a full disk refuses several times a second
        log.error("spool.write_failed", {{"file", options.file.string()}, {"reason", done.error().text}});
      if (closing) removable = 0;  // the acknowledged rows go at the next start
      return;
    }
    if (std::exchange(failing, false)) log.info("spool.writes_again", {{"file", options.file.string()}});
    for (const auto& one : turn.batches) {
      const auto row = row_of(one, next);
      backlog.add(row, one.batch);
      next = row.end();
    }
    if (turn.remove_to) {
      removable -= turn.removing;
      may_shrink = backlog.empty();
    }
    if (next != turn.first) changed.notify_all();
  }

  const DiskSpoolOptions options;
  const Clock& clock;
  telemetry::Logger& log;
  const std::string id;
  std::optional<FileLock> lock;
  std::optional<SpoolFile> writing;  // of the commit thread
  std::optional<SpoolFile> reading;  // of the reader
  std::unique_ptr<Checkpointer> checkpointer;
  std::vector<FirstAnswer> kept_answers;
  // In the file, in the order in which they came; of the commit thread. Their ages are by the clock that does not leap,
  // and begin anew with every start, since nobody knows what the other one was set to meanwhile.
  struct InFile {
    double at;
    steady_clock::time_point since;
  };
  std::deque<InFile> first_answers;
  mutable std::mutex mutex;
  std::condition_variable work;         // for the commit thread
  std::condition_variable_any changed;  // for the reader and those who wait for the end
  std::vector<Waiting> waiting;
  std::uint64_t waiting_events = 0, waiting_bytes = 0;
  std::uint64_t next;  // position of the next event
  std::uint64_t acknowledged = 0;
  std::uint64_t removable = 0;  // bytes acknowledged and not removed
  RemovalSize removal;          // of the commit thread
  steady_clock::time_point last_removal = steady_clock::now();
  Backlog backlog;
  std::uint64_t log_bytes = 0, reusable = 0;  // as the commit thread found them last, see Room
  bool failing = false;                       // the last transaction did
  bool wants_room = false;                    // somebody was refused while the log was long
  bool closed = false;                        // no newcomers
  bool closing = false;                       // and the thread ends
  bool may_shrink = false;                    // the spool has become empty
  std::jthread thread;
};

DiskSpool::DiskSpool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

DiskSpool::~DiskSpool() { finish(); }

Result<std::unique_ptr<DiskSpool>> DiskSpool::open(DiskSpoolOptions options, const Clock& clock,
                                                   telemetry::Logger& log) {
  const auto directory = options.file.parent_path();
  DUNE_TRY_VOID(make_private_directory(directory));
  close_to_others(options.file, log);
  if (!options.free_bytes) options.free_bytes = [directory] { return usable_bytes(directory); };
  DUNE_TRY(lock, FileLock::take(fs::path(options.file).replace_extension(".lock")));
  DUNE_TRY(opened, open_or_mend(options.file, log));
  if (options.log_bytes > 0 && options.free_bytes() > 16 * options.log_bytes) {
    if (const auto done = lengthen_log(options.file, options.log_bytes); !done)
      log.warn("spool.log_not_lengthened", {{"reason", done.error().text}});  // it is only slower
  }
  DUNE_TRY(reading, SpoolFile::open_for_reading(options.file));
  DUNE_TRY(carrying, SpoolFile::open(options.file));
  DUNE_TRY(answers, reading.answers());
  if (!opened.content.rows.empty()) {
    log.info("spool.resumed", {{"file", options.file.string()}, {"batches", opened.content.rows.size()}});
  }
  auto impl = std::make_unique<Impl>(std::move(options), clock, log, std::move(lock), std::move(opened),
                                     std::move(reading), std::move(carrying), std::move(answers));
  return std::unique_ptr<DiskSpool>(new DiskSpool(std::move(impl)));
}

void DiskSpool::append(AcceptedBatch batch, Done done) {
  Waiting one;
  one.record = to_record(batch);
  one.accepted_at = batch.accepted_at > 0 ? batch.accepted_at : impl_->clock.unix_seconds();
  one.batch = std::make_shared<const AcceptedBatch>(std::move(batch));
  one.done = std::move(done);
  if (const auto how = impl_->put(one); how != Append::accepted) one.done(how);
}

ReadGroup DiskSpool::read(std::size_t max_events, std::stop_token stop, steady_clock::time_point deadline) {
  auto& self = *impl_;
  std::unique_lock guard(self.mutex);
  self.changed.wait_until(guard, stop, deadline, [&] { return self.closed || !self.backlog.empty(); });
  auto next = self.backlog.next(max_events);
  if (next.from == next.to) return std::move(next.group);
  guard.unlock();
  const auto read = self.reading->read(
      next.from, next.to,
      [&](std::uint64_t position, AcceptedBatch batch) {
        next.group.entries.push_back({position, std::make_shared<const AcceptedBatch>(std::move(batch))});
        return true;
      },
      // Every record was sound at the start, so the disk changed it since. What cannot be read must not stop the rest.
      [&](const std::string& problem) {
        self.log.error("spool.batch_damaged", {{"file", self.options.file.string()}, {"problem", problem}});
      });
  if (read) return std::move(next.group);
  self.log.error("spool.read_failed", {{"file", self.options.file.string()}, {"reason", read.error().text}});
  guard.lock();
  self.changed.wait_until(guard, stop, std::min(deadline, steady_clock::now() + kReadRetry), [] { return false; });
  return {};
}

std::vector<FirstAnswer> DiskSpool::take_kept_answers() { return std::exchange(impl_->kept_answers, {}); }

void DiskSpool::acknowledge(std::uint64_t end) {
  const std::lock_guard guard(impl_->mutex);
  DUNE_CHECK(end <= impl_->next, "only what was read can be acknowledged");
  impl_->acknowledged = std::max(impl_->acknowledged, end);
  impl_->removable += impl_->backlog.remove_before(end);
  impl_->work.notify_one();
  impl_->changed.notify_all();
}

void DiskSpool::close() {
  const std::lock_guard guard(impl_->mutex);
  impl_->closed = true;
  impl_->changed.notify_all();
}

bool DiskSpool::closed() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->closed;
}

bool DiskSpool::wait_drained(std::chrono::milliseconds limit) {
  auto& self = *impl_;
  std::unique_lock guard(self.mutex);
  return self.changed.wait_for(guard, limit,
                               [&] { return self.closed && self.backlog.empty() && self.waiting_events == 0; });
}

void DiskSpool::finish() {
  auto& self = *impl_;
  {
    const std::lock_guard guard(self.mutex);
    self.closed = self.closing = true;
    self.work.notify_one();
    self.changed.notify_all();
  }
  if (self.thread.joinable()) self.thread.join();
  self.checkpointer.reset();
  self.reading.reset();
  self.writing.reset();
  self.lock.reset();  // last: whoever takes it finds closed files
}

bool DiskSpool::full() const {
  constexpr std::uint64_t kUsualBatch = 16 * 1024;
  const auto free = impl_->options.free_bytes();
  const std::lock_guard guard(impl_->mutex);
  return !impl_->has_room(kUsualBatch, free);
}

std::size_t DiskSpool::events() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->backlog.events() + impl_->waiting_events;
}

std::size_t DiskSpool::bytes() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->backlog.bytes() + impl_->waiting_bytes;
}

std::size_t DiskSpool::events_in_memory() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->waiting_events;
}

const std::string& DiskSpool::id() const { return impl_->id; }

std::optional<double> DiskSpool::oldest_accepted_at() const {
  const std::lock_guard guard(impl_->mutex);
  if (impl_->backlog.empty()) return std::nullopt;
  return impl_->backlog.oldest_accepted_at();
}

std::uint64_t DiskSpool::max_bytes() const { return impl_->options.max_bytes; }

}  // namespace dunetrace::spool
