#include "store/run_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "store/claim_columns.hpp"
#include "store/removed_events.hpp"
#include "store/run_events_sql.hpp"

namespace dunetrace::store {
namespace {

constexpr double kYoung = 20 * 3600.0;  // seconds: the first events of a run that lasted so long cannot be gone
constexpr double kLeeway = 1.0;         // seconds: `runs` may have been filled with rounded times
constexpr std::string_view kLeftOut = "{}";
// Fetched at once: so many small payloads come to 16 MiB at most, and so many of any size become text that nobody has
// room for, in a second.
constexpr int kRows = 1'000;
constexpr std::size_t kSmallPayload = 16 << 10;

bool before(const Event& a, const Event& b) {
  return std::tie(a.step_index, a.timestamp, a.id) < std::tie(b.step_index, b.timestamp, b.id);
}

// Agent and version of a run whose events do not name another: the results have none to point at.
struct RunNames {
  std::string agent_id;
  std::string agent_version;
};

// Everything that the events of a batch point into.
struct Storage {
  std::vector<pqxx::result> results;
  std::vector<RunNames> names;  // one per run
};

class Loading {
 public:
  Loading(pqxx::work& tx, std::span<const ClaimedRun> runs, const LoadLimits& limits)
      : tx_(tx), runs_(alike(runs, limits)), limits_(limits), out_(runs_.size()) {
    storage_->names.reserve(runs_.size());
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      storage_->names.push_back({runs_[i].agent_id, runs_[i].agent_version});
      out_[i].customer_id = runs_[i].customer_id;
      out_[i].run_id = runs_[i].run_id;
      out_[i].storage = storage_;
    }
  }

  std::vector<LoadedRun> fitting() {
    if (runs_.empty()) return {};
    count_with_the_events();
    // To sum payloads up costs the database a tenth of reading them, so that is done where they are not all small.
    fetch(whole() ? Events::whole_small : Events::first_small, kSmallPayload);
    if (fit_ < runs_.size() || bytes_ > limits_.max_bytes) {
      start_over();
      fetch(whole() ? Events::whole : Events::first, limits_.max_bytes);
    }
    out_.resize(fit_);
    complete();
    return std::move(out_);
  }

  LoadedRun shortened() {
    count_with_the_events();
    const auto which = whole() ? Events::whole_smallest : Events::first_smallest;
    add_all(storage_->results.emplace_back(ask(events_sql(which), all(), limits_.max_bytes)));
    complete();
    return std::move(out_.front());
  }

 private:
  static bool fits(const ClaimedRun& run, std::size_t max_events) {
    return run.event_count > 0 && run.last_received_at > 0 && static_cast<std::size_t>(run.event_count) <= max_events;
  }

  // As many as are read in the same way.
  static std::span<const ClaimedRun> alike(std::span<const ClaimedRun> runs, const LoadLimits& limits) {
    const auto other = std::ranges::find_if(runs, [&](const ClaimedRun& run) {
      return fits(run, limits.max_events) != fits(runs.front(), limits.max_events);
    });
    return runs.first(static_cast<std::size_t>(other - runs.begin()));
  }
  [[nodiscard]] bool whole() const { return fits(runs_.front(), limits_.max_events); }

  [[nodiscard]] bool uncertain(const ClaimedRun& run) const {
    return !whole() || run.last_received_at - run.first_received_at > kYoung;
  }

  [[nodiscard]] std::vector<std::size_t> all() const {
    std::vector<std::size_t> places(runs_.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    return places;
  }

  // Events and their number belong together where they are counted.
  void count_with_the_events() {
    if (std::ranges::any_of(runs_, [this](const auto& run) { return uncertain(run); }))
      tx_.exec0("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  }

  // What is known once all events of a run are there.
  void complete() {
    std::vector<std::size_t> doubtful, cut;
    for (std::size_t i = 0; i < out_.size(); ++i) {
      auto& events = out_[i].events;
      if (!std::ranges::is_sorted(events, before)) std::ranges::sort(events, before);
      if (whole()) out_[i].events_removed = events.size() < static_cast<std::size_t>(runs_[i].event_count);
      if (!whole() && events.size() == limits_.max_events) cut.push_back(i);
      if (uncertain(runs_[i])) doubtful.push_back(i);
    }
    look_for_removed(doubtful);
    last_ = true;
    if (!cut.empty()) add_all(storage_->results.emplace_back(ask(events_sql(Events::end), cut, std::nullopt)));
  }

  // Writers count an event in the transaction that stores it. A claim's count is of a time at which all of its events
  // were there, unless they were removed. Where a run was not loaded whole, or is so old that as many may have come
  // since the claim as were removed, they are counted anew.
  void look_for_removed(const std::vector<std::size_t>& which) {
    if (which.empty()) return;
    std::vector<ClaimedRun> runs;
    std::vector<std::size_t> found;
    for (const auto i : which) {
      runs.push_back(runs_[i]);
      found.push_back(whole() ? limits_.max_events : out_[i].events.size());
    }
    for (const auto place : runs_with_removed_events(tx_, runs, found, limits_.max_events))
      out_[which[place]].events_removed = true;
  }

  // The payloads of a statement become text before any of it is seen; those of a cursor as they are fetched.
  void fetch(Events which, std::size_t bytes) {
    const auto name = fmt::format("events_{}", static_cast<int>(which));
    ask(fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", name, events_sql(which)), all(), bytes);
    for (bool more = true; more && fit_ == runs_.size() && bytes_ <= limits_.max_bytes;) {
      const auto& rows = storage_->results.emplace_back(tx_.exec(fmt::format("FETCH {} FROM {}", kRows, name)));
      more = static_cast<int>(rows.size()) == kRows;
      add_all(rows);
    }
  }

  void start_over() {
    storage_->results.clear();
    for (auto& run : out_) {
      run.events.clear();
      run.truncated = false;
    }
    fit_ = runs_.size();
    bytes_ = 0;
  }

  pqxx::result ask(const std::string& sql, const std::vector<std::size_t>& which, std::optional<std::size_t> bytes) {
    Columns<4> columns;
    double since = runs_[which.front()].first_received_at, until = 0;
    bool bounded = true;
    for (const auto i : which) {
      const auto& one = runs_[i];
      columns[0].add(one.customer_id);
      columns[1].add(one.run_id);
      columns[2].add(one.agent_id);
      columns[3].add(one.agent_version);
      since = std::min(since, one.first_received_at);
      until = std::max(until, one.last_received_at);
      bounded = bounded && one.last_received_at > 0;
    }
    asked_ = which;
    place_ = 0;
    const auto run = [&](auto... limits) {
      return tx_.exec_params(sql, columns[0].text(), columns[1].text(), columns[2].text(), columns[3].text(),
                             fmt::format("{}", since - kLeeway),
                             bounded ? fmt::format("{}", until + kLeeway) : "infinity", limits...);
    };
    if (!bytes) return run();
    return whole() ? run(*bytes) : run(*bytes, limits_.max_events);
  }

  // One field that moves from column to column: each of its own would share the ownership of the result anew.
  void add_all(const pqxx::result& rows) {
    const auto end = rows.end();
    for (auto row = rows.begin(); row != end; ++row) {
      auto field = row->begin();
      const auto place = number<std::size_t>(field) - 1;
      // Runs are complete that come before one that did not fit.
      if (place < place_) throw std::logic_error("the events of runs did not come in the order of the runs");
      place_ = place;
      if (place < fit_ && !add(asked_[place], field)) fit_ = place;
    }
  }

  // `field` is the one before the event's. False: there was no room for its payload.
  bool add(std::size_t place, pqxx::row::const_iterator& field) {
    auto& run = out_[place];
    const auto& names = storage_->names[place];
    const auto optional = [](const pqxx::field& one, std::string_view otherwise) {
      return one.is_null() ? otherwise : text(one);
    };
    Event event;
    event.id = number<std::int64_t>(++field);
    event.type = text(++field);
    event.kind = event_kind(event.type);
    event.step_index = number<std::int32_t>(++field);
    event.timestamp = number<double>(++field);
    event.agent_id = optional(++field, names.agent_id);
    event.agent_version = optional(++field, names.agent_version);
    event.payload = optional(++field, kLeftOut);
    if (event.payload.empty()) return false;
    if (event.payload.data() == kLeftOut.data())
      run.truncated = true;
    else
      bytes_ += event.payload.size();
    event.parent_run_id = optional(++field, {});
    if (run.events.empty() && runs_[place].event_count > 0)
      run.events.reserve(static_cast<std::size_t>(std::min<std::int64_t>(runs_[place].event_count, kLongRun)));
    if (last_ && !run.events.empty() && !before(run.events.back(), event)) return true;  // it may have come already
    run.events.push_back(event);
    return true;
  }

  pqxx::work& tx_;
  const std::span<const ClaimedRun> runs_;
  const LoadLimits& limits_;
  std::vector<LoadedRun> out_;
  std::size_t fit_ = runs_.size();  // so many from the first on have all of their events
  std::size_t bytes_ = 0;           // of their payloads
  std::size_t place_ = 0;           // of the row before
  std::vector<std::size_t> asked_;  // the run of each place
  const std::shared_ptr<Storage> storage_ = std::make_shared<Storage>();
  bool last_ = false;
};

}  // namespace

Result<std::vector<LoadedRun>> load_events(Database& db, std::span<const ClaimedRun> runs, const LoadLimits& limits) {
  return query(db, "load events",
               [&](pqxx::work& tx) -> Result<std::vector<LoadedRun>> { return Loading(tx, runs, limits).fitting(); });
}

Result<LoadedRun> load_shortened(Database& db, const ClaimedRun& run, const LoadLimits& limits) {
  return query(db, "load events", [&](pqxx::work& tx) -> Result<LoadedRun> {
    return Loading(tx, {&run, 1}, limits).shortened();
  });
}

Result<std::vector<LoadedRun>> load_all(Database& db, std::span<const ClaimedRun> runs, const LoadLimits& limits) {
  std::vector<LoadedRun> out;
  while (out.size() < runs.size()) {
    DUNE_TRY(some, load_events(db, runs.subspan(out.size()), limits));
    for (auto& run : some) out.push_back(std::move(run));
    if (!some.empty()) continue;
    DUNE_TRY(one, load_shortened(db, runs[out.size()], limits));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace dunetrace::store
