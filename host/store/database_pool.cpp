#include "store/database_pool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

namespace dunetrace::store {
namespace {

using namespace std::chrono_literals;

constexpr const char* kInterrupted = "the host is stopping";
constexpr auto kProbeLimit = 1s;     // health checks are bounded by it
constexpr auto kProbeInterval = 1s;  // how old `reachable` may be while the server is away
constexpr auto kQuietTime = 2s;  // with no transaction for so long, the probe looks whether the server is still there

}  // namespace

PooledConnection::PooledConnection(detail::AsyncConnection made)
    : socket_(::fcntl(made.socket(), F_DUPFD_CLOEXEC, 0)),
      made_(std::move(made).release()),
      connection_(std::make_unique<Connection>(made_)) {}

Fd PooledConnection::close() {
  connection_.reset();
  return std::move(socket_);
}

Database::Impl::Impl(const DatabaseOptions& opts, telemetry::Logger& logger, telemetry::Metrics& metrics)
    : options(opts),
      log(logger),
      up(metrics.gauge("dunetrace_db_up", "1 while PostgreSQL answers, 0 while it does not")),
      repeats(metrics.counter("dunetrace_db_repeats_total",
                              "Transactions begun again after a serialization failure or a deadlock")),
      info(detail::ConnectInfo::make(opts)),
      watcher([this](const std::stop_token& stop) { watch(stop); }) {}

Database::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    interrupted = true;  // a probe that is cut short says nothing about the server
  }
  watcher.request_stop();
  waker.wake();
  watcher.join();
}

Result<Database::Impl::Lease> Database::Impl::lease() {
  {
    std::unique_lock lock(mutex);
    const bool free = freed.wait_for(lock, options.lease_timeout,
                                     [this] { return interrupted || !idle.empty() || open < options.max_connections; });
    if (interrupted) return fail(Code::unavailable, kInterrupted);
    if (!free) {
      return fail(Code::unavailable, fmt::format("no database connection became free within {} ms (all {} in use)",
                                                 options.lease_timeout.count(), options.max_connections));
    }
    if (!idle.empty()) {
      auto connection = std::move(idle.back());
      idle.pop_back();
      leased.push_back(connection->socket());
      return Lease(*this, std::move(connection), true);
    }
    ++open;  // the place is ours; connecting happens without the lock
  }
  auto connection = connect();
  if (!connection) {
    discard(nullptr);
    return tl::unexpected(connection.error());
  }
  {
    const std::lock_guard lock(mutex);
    if (!interrupted) {
      leased.push_back((*connection)->socket());
      return Lease(*this, std::move(*connection), false);
    }
  }
  discard(std::move(*connection));
  return fail(Code::unavailable, kInterrupted);
}

Result<std::unique_ptr<PooledConnection>> Database::Impl::connect() {
  if (!info) return tl::unexpected(info.error());
  const auto deadline = std::chrono::steady_clock::now() + info->connect_limit();
  auto made = detail::AsyncConnection::open(*info, deadline, waker);
  if (!made) {
    if (interrupted) return fail(Code::unavailable, kInterrupted);
    set_reachable(false, made.error().text);
    return fail(Code::unavailable, "the database cannot be reached: " + made.error().text);
  }
  try {
    auto connection = std::make_unique<PooledConnection>(std::move(*made));
    connection->base().set_verbosity(pqxx::connection_base::terse);  // DETAIL and CONTEXT may hold what agents sent
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    // Without it a lost session is silently replaced, in the middle of a transaction if need be.
    connection->base().inhibit_reactivation(true);
#pragma GCC diagnostic pop
    ++sessions;
    return connection;
  } catch (const std::exception& error) {
    auto reason = clean(error.what());
    set_reachable(false, reason);
    return fail(Code::unavailable, "the database cannot be reached: " + reason);
  }
}

void Database::Impl::give_back(std::unique_ptr<PooledConnection> connection) {
  {
    const std::lock_guard lock(mutex);
    std::erase(leased, connection->socket());
    idle.push_back(std::move(connection));
  }
  freed.notify_one();
}

void Database::Impl::discard(std::unique_ptr<PooledConnection> connection) {
  const auto socket = connection ? connection->close() : Fd();  // may wait for the network: not under the lock
  {
    const std::lock_guard lock(mutex);
    if (socket) std::erase(leased, socket.get());
    --open;
  }
  freed.notify_one();
}

// The number of a leased socket stays ours until it is taken off the list, so no other file is ever hit.
void Database::Impl::interrupt() {
  {
    const std::lock_guard lock(mutex);
    interrupted = true;
    for (const int socket : leased) ::shutdown(socket, SHUT_RDWR);
  }
  waker.wake();
  freed.notify_all();
}

void Database::Impl::drop_idle() {
  std::vector<std::unique_ptr<PooledConnection>> dead;
  {
    const std::lock_guard lock(mutex);
    dead.swap(idle);
    open -= static_cast<int>(dead.size());
  }
  freed.notify_all();
}

Result<> Database::Impl::probe(std::chrono::milliseconds limit) {
  if (!info) return tl::unexpected(info.error());
  const auto deadline = std::chrono::steady_clock::now() + limit;
  {
    std::unique_lock lock(probe_mutex);
    if (!probe_done.wait_until(lock, deadline, [this] { return !probing; })) {
      return fail(Code::timeout, "the database does not answer");
    }
    probing = true;
  }
  auto outcome = ask_server(deadline);
  {
    const std::lock_guard lock(probe_mutex);
    probing = false;
  }
  probe_done.notify_one();
  set_reachable(outcome.has_value(), outcome ? "" : outcome.error().text);
  return outcome;
}

// A session that has died since the last time is no outage yet: a fresh one decides.
Result<> Database::Impl::ask_server(detail::Deadline deadline) {
  if (probe_connection && probe_connection->exec("SELECT 1", deadline, waker)) return {};
  probe_connection.reset();
  DUNE_TRY(fresh, detail::AsyncConnection::open(*info, deadline, waker));
  DUNE_TRY_VOID(fresh.exec("SELECT 1", deadline, waker));
  probe_connection.emplace(std::move(fresh));
  return {};
}

void Database::Impl::set_reachable(bool now, std::string_view reason) {
  if (!now && interrupted) return;  // says nothing about the server
  if (now) last_success = std::chrono::steady_clock::now().time_since_epoch().count();
  const bool before = reachable.exchange(now);
  const bool first = !state_known.exchange(true);
  if (before == now && !first) return;
  up.set(now ? 1 : 0);
  if (now) {
    log.info("database.reached", {{"application", options.application_name}});
  } else {
    log.warn("database.lost", {{"application", options.application_name}, {"reason", reason}});
  }
}

void Database::Impl::watch(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  while (!stop.stop_requested()) {
    const auto quiet = Clock::now() - Clock::time_point(Clock::duration(last_success.load()));
    if ((!reachable || quiet >= kQuietTime) && info) {
      if (const auto outcome = probe(kProbeLimit); !outcome && stop.stop_requested()) return;
    }
    if (waker.wait_for(kProbeInterval)) return;
  }
}

std::string Database::Impl::clean(std::string_view message) const {
  return info ? info->clean(message) : std::string("the database URL cannot be read");
}

}  // namespace dunetrace::store
