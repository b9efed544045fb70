#include "store/session.hpp"

#include <fmt/format.h>

#include "store/database_pool.hpp"

namespace dunetrace::store {
namespace {

using detail::kStateMark;

constexpr int kMaxRepeats = 3;

enum class Phase { begin, run, commit };

struct Failure {
  Error error;
  bool lost = false;    // the session is gone
  bool repeat = false;  // the same transaction may succeed when begun again
};

struct Place {
  std::string_view what;
  const Database::Impl& pool;
  const pqxx::connection_base& connection;
  Phase phase;
  bool read_only;
};

Error sql_failure(const Place& place, Code code, std::string_view state, std::string_view message) {
  auto text = place.pool.clean(message);
  for (const std::string_view prefix : {"ERROR: ", "FATAL: "}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  return Error{code, fmt::format("{}: {}{}{})", place.what, text, kStateMark, state)};
}

Failure lost(const Place& place, std::string_view message) {
  const auto* meaning = place.phase == Phase::commit && !place.read_only
                            ? "connection lost while committing, whether it took effect is unknown"
                            : "connection lost";
  return {Error{Code::unavailable, fmt::format("{}: {}: {}", place.what, meaning, place.pool.clean(message))}, true};
}

// libpqxx reports protocol errors of a living session (class 08, for example a wrong number of arguments) as a broken
// connection. Taking those for an outage would repeat them for ever.
Failure broken(const Place& place, const pqxx::broken_connection& error) {
  if (!place.connection.is_open()) return lost(place, error.what());
  return {sql_failure(place, Code::internal, "08P01", error.what()), true};
}

Failure sql_error(const Place& place, const pqxx::sql_error& error) {
  const std::string_view state = error.sqlstate();
  const auto of_class = [&](std::string_view prefix) { return state.starts_with(prefix); };
  if (of_class("57P") || of_class("08") || state == "25P03" || !place.connection.is_open()) {
    auto failure = lost(place, error.what());
    failure.error.text += fmt::format("{}{})", kStateMark, state);
    return failure;
  }
  if (state == "57014") return {sql_failure(place, Code::timeout, state, error.what())};
  // Out of connections, memory or disk, an I/O error, a standby that takes no writes: the data is not at fault.
  const bool later = of_class("53") || of_class("58") || (state == "25006" && !place.read_only);
  return {sql_failure(place, later ? Code::unavailable : Code::internal, state, error.what())};
}

// To be called from a catch block: sorts the exception in flight.
Failure current_failure(const Place& place) {
  try {
    throw;
  } catch (const pqxx::in_doubt_error& error) {
    return lost(place, error.what());
  } catch (const pqxx::serialization_failure& error) {
    return {sql_failure(place, Code::unavailable, "40001", error.what()), false, true};
  } catch (const pqxx::deadlock_detected& error) {
    return {sql_failure(place, Code::unavailable, "40P01", error.what()), false, true};
  } catch (const pqxx::statement_completion_unknown& error) {
    return lost(place, error.what());
  } catch (const pqxx::broken_connection& error) {
    return broken(place, error);
  } catch (const pqxx::sql_error& error) {
    return sql_error(place, error);
  } catch (const std::exception& error) {
    if (!place.connection.is_open()) return lost(place, error.what());  // COPY has no exception of its own for it
    // Wrong use of the library or a value of another type. The state of the session is anybody's guess.
    return {Error{Code::internal, fmt::format("{}: {}", place.what, place.pool.clean(error.what()))}, true};
  }
}

struct Attempt {
  Result<> outcome;
  bool repeat = false;
  bool stale = false;  // an idle connection turned out dead before anything was done on it
};

Attempt attempt(Database::Impl& pool, std::string_view what, bool read_only,
                const std::function<Result<>(pqxx::work&)>& run) {
  auto lease = pool.lease();
  if (!lease) return {tl::unexpected(std::move(lease.error()).in(what))};
  auto phase = Phase::begin;
  Result<> outcome;
  try {
    pqxx::work tx(lease->connection());
    if (read_only) tx.exec("SET TRANSACTION READ ONLY");
    phase = Phase::run;
    outcome = run(tx);
    if (outcome) {
      phase = Phase::commit;
      tx.commit();
      pool.set_reachable(true, "");
    }
  } catch (...) {
    auto failure = current_failure({what, pool, lease->connection(), phase, read_only});
    const bool gone = failure.lost && failure.error.code == Code::unavailable;
    const bool stale = gone && phase == Phase::begin && lease->reused();
    if (failure.lost) lease->drop();
    if (gone) pool.drop_idle();
    // Whether it is one session or the server is for the next attempt or the probe to tell, when this one was merely
    // old.
    if (gone && !stale) pool.set_reachable(false, failure.error.text);
    return {tl::unexpected(std::move(failure.error)), failure.repeat, stale};
  }
  if (!lease->connection().is_open()) lease->drop();  // `run` may have met the loss and made an error of its own of it
  return {std::move(outcome)};
}

}  // namespace

std::string_view sqlstate_of(const Error& error) {
  const std::string_view text = error.text;
  const auto at = text.rfind(kStateMark);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + kStateMark.size(), 5);
}

namespace detail {

Result<> transact(Database& db, std::string_view what, bool read_only,
                  const std::function<Result<>(pqxx::work&)>& run) {
  auto& pool = db.impl();
  bool renewed = false;
  for (int repeats = 0;;) {
    auto tried = attempt(pool, what, read_only, run);
    if (tried.stale && !renewed) {
      renewed = true;
      continue;
    }
    if (!tried.repeat || repeats == kMaxRepeats) return std::move(tried.outcome);
    ++repeats;
    pool.repeats.add();
    // Two that met once would meet again: each waits a time of its own.
    const auto spread = std::hash<std::thread::id>{}(std::this_thread::get_id()) % 7;
    pool.pause(std::chrono::milliseconds((1 << (2 * repeats)) + static_cast<int>(spread)));
  }
}

}  // namespace detail
}  // namespace dunetrace::store
